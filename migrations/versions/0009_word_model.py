"""A buyer's own Word model"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("word_model_key", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("word_model_name", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("word_model_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("word_model_by", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("word_model_at", procurement.base.Utc(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        for name in ("at", "by", "sha256", "name", "key"):
            batch_op.drop_column(f"word_model_{name}")
