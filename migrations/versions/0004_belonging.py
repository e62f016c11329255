"""Belonging: proofs with their way and their end, letters to head offices, accounts of an identity provider"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "federated_login",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("last_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_federated_login_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_federated_login")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_federated_login_issuer_subject")),
    )
    with op.batch_alter_table("federated_login", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_federated_login_user_id"), ["user_id"], unique=False)

    op.create_table(
        "letter",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("siret", sa.String(length=14), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("code_hash", sa.String(length=200), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("expires_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("taken_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("taken_by", sa.String(length=254), nullable=False),
        sa.Column("posted_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("posted_by", sa.String(length=254), nullable=False),
        sa.Column("used_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_letter_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("ref", name=op.f("uq_letter_ref")),
    )
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_siret"), ["siret"], unique=False)
        batch_op.create_index(batch_op.f("ix_letter_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("candidacy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("belonging_way", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("belonging_at", procurement.base.Utc(timezone=True), nullable=True))

    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("id_token_sealed", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("way", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("proven_at", procurement.base.Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("proven_until", procurement.base.Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_at", procurement.base.Utc(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_by", sa.String(length=254), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("membership", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("ended_by")
        batch_op.drop_column("ended_at")
        batch_op.drop_column("proven_until")
        batch_op.drop_column("proven_at")
        batch_op.drop_column("way")

    with op.batch_alter_table("login_session", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("id_token_sealed")

    with op.batch_alter_table("candidacy", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("belonging_at")
        batch_op.drop_column("belonging_way")

    with op.batch_alter_table("letter", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_letter_user_id"))
        batch_op.drop_index(batch_op.f("ix_letter_siret"))

    op.drop_table("letter")
    with op.batch_alter_table("federated_login", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_federated_login_user_id"))

    op.drop_table("federated_login")
