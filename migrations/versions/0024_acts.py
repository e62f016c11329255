"""acts"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# What leaves the contract for its acte d’engagement.
MOVED = (
    "unsigned_key", "unsigned_sha256", "signed_key", "signed_sha256", "signature_report", "signed_at", "restamp_at",
    "sign_after", "in_order", "certificate_required",
)  # fmt: skip
CARRIED = f"""
INSERT INTO act (ref, contract_id, kind, number, title, state, amount, created_at, {", ".join(MOVED)})
SELECT ref, id, 'acte_engagement', 1, 'Acte d’engagement',
  CASE WHEN state = 'awaiting_signature' THEN state ELSE 'signed' END, amount, created_at, {", ".join(MOVED)}
FROM contract
"""  # noqa: S608 - names of columns, written above
ACTS_OF_SIGNERS = "UPDATE signer SET act_id = (SELECT act.id FROM act WHERE act.contract_id = signer.contract_id)"


def upgrade() -> None:
    _create_acts()
    op.execute(CARRIED)
    with op.batch_alter_table("signer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("act_id", sa.Integer(), nullable=True))
    op.execute(ACTS_OF_SIGNERS)
    with op.batch_alter_table("signer", schema=None) as batch_op:
        batch_op.alter_column("act_id", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_constraint(batch_op.f("uq_signer_contract_id_siret"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_signer_contract_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_signer_contract_id"))
        batch_op.drop_column("contract_id")
        batch_op.create_foreign_key(batch_op.f("fk_signer_act_id"), "act", ["act_id"], ["id"])
        batch_op.create_unique_constraint(batch_op.f("uq_signer_act_id_siret_role"), ["act_id", "siret", "role"])
        batch_op.create_index(batch_op.f("ix_signer_act_id"), ["act_id"], unique=False)
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contract_restamp_at"))
        for name in MOVED:
            batch_op.drop_column(name)


def _create_acts() -> None:
    op.create_table(
        "act",
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("amount", procurement.base.Money(), nullable=False),
        sa.Column("created_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("unsigned_key", sa.String(length=200), nullable=False),
        sa.Column("unsigned_sha256", sa.String(length=64), nullable=False),
        sa.Column("signed_key", sa.String(length=200), nullable=True),
        sa.Column("signed_sha256", sa.String(length=64), nullable=True),
        sa.Column("signature_report", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("signed_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("restamp_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("sign_after", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("in_order", sa.Boolean(), nullable=False),
        sa.Column("certificate_required", sa.Boolean(), nullable=False),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_act_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
        sa.UniqueConstraint("contract_id", "kind", "number", name=op.f("uq_act_contract_id_kind_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_act_ref")),
    )
    with op.batch_alter_table("act", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_act_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_act_restamp_at"), ["restamp_at"], unique=False)


# Only the acte d’engagement has a place in the tables of before.
THE_ACT = "FROM act WHERE act.contract_id = contract.id AND act.kind = 'acte_engagement'"
BACK = f"UPDATE contract SET {', '.join(f'{name} = (SELECT act.{name} {THE_ACT})' for name in MOVED)}"  # noqa: S608
OTHERS = "act_id IN (SELECT id FROM act WHERE kind <> 'acte_engagement')"
CODES_OF_OTHERS = f"DELETE FROM signing_code WHERE signer_id IN (SELECT id FROM signer WHERE {OTHERS})"  # noqa: S608
CONTRACTS_OF_SIGNERS = "UPDATE signer SET contract_id = (SELECT act.contract_id FROM act WHERE act.id = signer.act_id)"


def downgrade() -> None:
    with op.batch_alter_table("contract", schema=None) as batch_op:
        for name, kind in (("unsigned_key", 200), ("unsigned_sha256", 64), ("signed_key", 200), ("signed_sha256", 64)):
            batch_op.add_column(sa.Column(name, sa.String(length=kind), nullable=True))
        batch_op.add_column(sa.Column("signature_report", sa.JSON(none_as_null=True), nullable=True))
        for name in ("signed_at", "restamp_at", "sign_after"):
            batch_op.add_column(sa.Column(name, procurement.base.Utc(timezone=True), nullable=True))
        for name in ("in_order", "certificate_required"):
            batch_op.add_column(sa.Column(name, sa.Boolean(), nullable=True))
        batch_op.create_index(batch_op.f("ix_contract_restamp_at"), ["restamp_at"], unique=False)
    op.execute(BACK)
    with op.batch_alter_table("contract", schema=None) as batch_op:
        for name in ("unsigned_key", "unsigned_sha256", "in_order", "certificate_required"):
            batch_op.alter_column(name, nullable=False)
    op.execute(CODES_OF_OTHERS)
    op.execute(f"DELETE FROM signer WHERE {OTHERS}")  # noqa: S608
    with op.batch_alter_table("signer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contract_id", sa.Integer(), nullable=True))
    op.execute(CONTRACTS_OF_SIGNERS)
    with op.batch_alter_table("signer", schema=None) as batch_op:
        batch_op.alter_column("contract_id", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_constraint(batch_op.f("uq_signer_act_id_siret_role"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_signer_act_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_signer_act_id"))
        batch_op.drop_column("act_id")
        batch_op.create_foreign_key(batch_op.f("fk_signer_contract_id"), "contract", ["contract_id"], ["id"])
        batch_op.create_unique_constraint(batch_op.f("uq_signer_contract_id_siret"), ["contract_id", "siret"])
        batch_op.create_index(batch_op.f("ix_signer_contract_id"), ["contract_id"], unique=False)
    op.drop_table("act")
