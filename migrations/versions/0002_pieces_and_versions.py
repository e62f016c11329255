"""pieces of an officer, dates of versions"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dce_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("published_at", procurement.base.Utc(timezone=True), nullable=True))
    op.execute("UPDATE dce_file SET origin = 'generated'")
    # Every file so far is of its consultation's only version.
    op.execute(
        "UPDATE dce_file SET published_at ="
        " (SELECT c.published_at FROM consultation c WHERE c.id = dce_file.consultation_id)"
    )
    with op.batch_alter_table("dce_file", schema=None) as batch_op:
        batch_op.alter_column("origin", existing_type=sa.String(length=10), nullable=False)


def downgrade() -> None:
    # An uploaded piece of a draft has no place in the former schema: a published one is a document like the others.
    op.execute("DELETE FROM dce_file WHERE version = 0")
    with op.batch_alter_table("dce_file", schema=None) as batch_op:
        batch_op.drop_column("published_at")
        batch_op.drop_column("origin")
