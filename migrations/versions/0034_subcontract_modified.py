"""subcontract modified"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("subcontract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaces_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_subcontract_replaces_id"), ["replaces_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_subcontract_replaces_id"), "subcontract", ["replaces_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("subcontract", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_subcontract_replaces_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_subcontract_replaces_id"))
        batch_op.drop_column("replaces_id")
