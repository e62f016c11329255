"""billing"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pes_sending",
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("facts_sha256", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("made_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=254), nullable=False),
        sa.Column("sent_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("acked_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_pes_sending_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pes_sending")),
        sa.UniqueConstraint("ref", name=op.f("uq_pes_sending_ref")),
    )
    with op.batch_alter_table("pes_sending", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pes_sending_contract_id"), ["contract_id"], unique=False)

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("recount_at", procurement.base.Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("warned_at", procurement.base.Utc(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_contract_recount_at"), ["recount_at"], unique=False)

    with op.batch_alter_table("invoice_copy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason_code", sa.String(length=30), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("due_on", sa.Date(), nullable=True))
        batch_op.create_index("ix_invoice_copy_organisation_id_due_on", ["organisation_id", "due_on"], unique=False)

    with op.batch_alter_table("invoice_copy", schema=None) as batch_op:
        batch_op.alter_column("reason_code", server_default=None)
    # The worker reads these accounts again: last days of payment and warnings.
    op.execute(
        "UPDATE contract SET recount_at = '2026-01-01 00:00:00' "
        "WHERE id IN (SELECT contract_id FROM invoice_copy WHERE contract_id IS NOT NULL)"
    )


def downgrade() -> None:
    with op.batch_alter_table("invoice_copy", schema=None) as batch_op:
        batch_op.drop_index("ix_invoice_copy_organisation_id_due_on")
        batch_op.drop_column("due_on")
        batch_op.drop_column("reason_code")

    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contract_recount_at"))
        batch_op.drop_column("warned_at")
        batch_op.drop_column("recount_at")

    with op.batch_alter_table("pes_sending", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pes_sending_contract_id"))

    op.drop_table("pes_sending")
