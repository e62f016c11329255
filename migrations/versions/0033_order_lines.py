"""order lines"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_line",
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("part_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.String(length=24), nullable=False),
        sa.Column("unit_price", sa.String(length=24), nullable=False),
        sa.Column("amount_ht", procurement.base.Money(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_order_line_contract_id")),
        sa.ForeignKeyConstraint(["part_id"], ["contract_part.id"], name=op.f("fk_order_line_part_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("part_id", "code", name=op.f("uq_order_line_part_id_code")),
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_line_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_line_part_id"), ["part_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_line_part_id"))
        batch_op.drop_index(batch_op.f("ix_order_line_contract_id"))
    op.drop_table("order_line")
