"""review clause of an amendment, day a certificate came back, each buyer's own indices"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.add_column(sa.Column("review_clause", sa.String(length=300), nullable=False, server_default=""))
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.alter_column("review_clause", server_default=None)
    with op.batch_alter_table("assignability") as batch_op:
        batch_op.add_column(sa.Column("returned_at", procurement.base.Utc(timezone=True), nullable=True))
    with op.batch_alter_table("index_value") as batch_op:
        batch_op.add_column(sa.Column("organisation_id", sa.Integer(), nullable=True))
    # No page could write an index yet; what a hand wrote goes to the install's first buyer.
    op.execute("UPDATE index_value SET organisation_id = (SELECT MIN(id) FROM organisation)")
    with op.batch_alter_table("index_value") as batch_op:
        batch_op.alter_column("organisation_id", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_constraint(op.f("uq_index_value_series_month"), type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_index_value_organisation_id_series_month"), ["organisation_id", "series", "month"]
        )
        batch_op.create_foreign_key(op.f("fk_index_value_organisation_id"), "organisation", ["organisation_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("index_value") as batch_op:
        batch_op.drop_constraint(op.f("fk_index_value_organisation_id"), type_="foreignkey")
        batch_op.drop_constraint(op.f("uq_index_value_organisation_id_series_month"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_index_value_series_month"), ["series", "month"])
        batch_op.drop_column("organisation_id")
    with op.batch_alter_table("assignability") as batch_op:
        batch_op.drop_column("returned_at")
    with op.batch_alter_table("amendment") as batch_op:
        batch_op.drop_column("review_clause")
