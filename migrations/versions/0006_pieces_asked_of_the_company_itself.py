"""Pieces asked of the company itself"""

import sqlalchemy as sa
from alembic import op

import procurement.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "piece_request",
        sa.Column("candidacy_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("asked_at", procurement.base.Utc(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=254), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("given_at", procurement.base.Utc(timezone=True), nullable=True),
        sa.Column("given_by", sa.String(length=254), nullable=False),
        sa.Column("document_key", sa.String(length=200), nullable=True),
        sa.Column("document_name", sa.String(length=200), nullable=False),
        sa.Column("document_type", sa.String(length=100), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["candidacy_id"], ["candidacy.id"], name=op.f("fk_piece_request_candidacy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece_request")),
        sa.UniqueConstraint("candidacy_id", "key", name=op.f("uq_piece_request_candidacy_id_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_piece_request_ref")),
    )
    with op.batch_alter_table("piece_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_piece_request_candidacy_id"), ["candidacy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_piece_request_document_key"), ["document_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("piece_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_piece_request_document_key"))
        batch_op.drop_index(batch_op.f("ix_piece_request_candidacy_id"))

    op.drop_table("piece_request")
