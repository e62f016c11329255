"""review clause of an amendment, day a certificate came back, each buyer's own indices"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.add_column(sa.Column("review_clause", sa.String(length=300), nullable=False, server_default=""))
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.alter_column("review_clause", server_default=None)
    with op.batch_alter_table("assignability") as batch_op:
        batch_op.add_column(sa.Column("returned_at", procurement.base.Utc(timezone=True), nullable=True))
    # Nothing could write an index before: the table is empty.
    op.drop_table("index_value")
    _index_value(sa.Column("organisation_id", sa.Integer(), nullable=False))


def _index_value(*owner: sa.Column[int]) -> None:
    """The table as it was in 0021, or with the buyer whose values they are."""
    keys = [column.name for column in owner]
    op.create_table(
        "index_value",
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("value", sa.String(length=20), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("written_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("written_by", sa.String(length=254), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        *owner,
        *(
            sa.ForeignKeyConstraint([key], ["organisation.id"], name=op.f("fk_index_value_organisation_id"))
            for key in keys
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_value")),
        sa.UniqueConstraint(*keys, "series", "month", name=op.f("_".join(["uq_index_value", *keys, "series_month"]))),
    )


def downgrade() -> None:
    op.drop_table("index_value")
    _index_value()
    with op.batch_alter_table("assignability") as batch_op:
        batch_op.drop_column("returned_at")
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.drop_column("review_clause")
