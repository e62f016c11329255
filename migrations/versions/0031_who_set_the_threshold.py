"""who set the threshold"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("second_above_by", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("second_above_at", procurement.base.Utc(timezone=True), nullable=True))
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.alter_column("second_above_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_column("second_above_at")
        batch_op.drop_column("second_above_by")
