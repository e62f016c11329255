"""pieces: the buyer's motive, an answer taken over from another consultation; calls under way; contracts' proofs renewed; health of providers, rights of tokens"""

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
    op.create_table(
        "provider",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("open_until", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("checked_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("last_ok", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider")),
        sa.UniqueConstraint("name", name=op.f("uq_provider_name")),
    )
    with op.batch_alter_table("organisation") as organisation:
        organisation.add_column(sa.Column("token_read_at", procurement.base.Utc(timezone=True), nullable=True))
        organisation.add_column(sa.Column("token_expires_at", procurement.base.Utc(timezone=True), nullable=True))
        organisation.add_column(sa.Column("token_rights", sa.JSON(none_as_null=True), nullable=True))
        organisation.add_column(sa.Column("token_alert", sa.String(length=10), nullable=False, server_default=""))
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
    with op.batch_alter_table("organisation") as organisation:
        for column in ("token_alert", "token_rights", "token_expires_at", "token_read_at"):
            organisation.drop_column(column)
    op.drop_table("provider")
    op.drop_table("flight")
