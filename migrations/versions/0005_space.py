"""The company's space: answers kept, contests, looks of members"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "company_look",
        sa.Column("organisation_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=254), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_company_look_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_look")),
    )
    with op.batch_alter_table("company_look", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_company_look_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "given",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("siret", sa.String(length=14), nullable=False),
        sa.Column("key", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=4000), nullable=False),
        sa.Column("given_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("candidacy_ref", sa.String(length=12), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["user_account.id"], name=op.f("fk_given_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_given")),
        sa.UniqueConstraint("account_id", "siret", "key", name=op.f("uq_given_account_id_siret_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_given_ref")),
    )
    with op.batch_alter_table("given", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_given_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_given_siret"), ["siret"], unique=False)

    with op.batch_alter_table("candidacy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contests", sa.JSON(none_as_null=True), nullable=False, server_default="{}"))


def downgrade() -> None:
    with op.batch_alter_table("candidacy", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("contests")

    with op.batch_alter_table("given", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_given_siret"))
        batch_op.drop_index(batch_op.f("ix_given_account_id"))

    op.drop_table("given")
    with op.batch_alter_table("company_look", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_company_look_organisation_id"))

    op.drop_table("company_look")
