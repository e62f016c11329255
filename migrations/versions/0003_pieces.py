"""pieces: the buyer's motive, an answer taken over from another consultation; calls under way; contracts' proofs renewed"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flight",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("until", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flight")),
        sa.UniqueConstraint("name", name=op.f("uq_flight_name")),
    )
    with op.batch_alter_table("piece") as piece:
        piece.add_column(sa.Column("motive", sa.String(length=1000), nullable=False, server_default=""))
        piece.add_column(sa.Column("reused_from", sa.String(length=12), nullable=True))
    with op.batch_alter_table("contract") as contract:
        contract.add_column(sa.Column("renew_on", sa.Date(), nullable=True))
        contract.create_index(op.f("ix_contract_renew_on"), ["renew_on"])


def downgrade() -> None:
    with op.batch_alter_table("contract") as contract:
        contract.drop_index(op.f("ix_contract_renew_on"))
        contract.drop_column("renew_on")
    with op.batch_alter_table("piece") as piece:
        piece.drop_column("reused_from")
        piece.drop_column("motive")
    op.drop_table("flight")
