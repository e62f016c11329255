"""sizes and members"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ADDED = (
    ("organisation", "public_kind", 20), ("contract_terms", "holder_size", 10),
    ("contract_terms", "holder_size_source", 300), ("subcontract", "member_siret", 14),
)  # fmt: skip


def upgrade() -> None:
    for table, column, size in ADDED:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(column, sa.String(length=size), nullable=False, server_default=""))
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    for table, column, _ in reversed(ADDED):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
