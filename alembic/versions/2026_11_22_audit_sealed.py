"""The audit log is chained, sealed and partitioned by month.

Rows of before cannot join a chain, whose digests need a key of the key folder, and no released version wrote any:
they go, and so do those of a way back.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "a0d175ea1ed0"
down_revision: str | None = "3458562b88cc"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.drop_table("audit_entry", schema="hub")
    _create_audit_entry()
    _create_audit_subject()
    _create_audit_seal()
    _create_audit_seal_part()


def _create_audit_entry() -> None:
    op.create_table(
        "audit_entry",
        *_entry_columns(),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "writer", "sequence", name=op.f("pk_audit_entry")),
        schema="hub",
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index("ix_audit_entry_caller", "audit_entry", ["caller", "happened_at"], schema="hub")
    op.create_index("ix_audit_entry_happened_at", "audit_entry", ["happened_at", "writer", "sequence"], schema="hub")


def _entry_columns() -> list[sa.Column[sa.types.TypeEngine[object]]]:
    return [
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("writer", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("caller_kind", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
    ]


def _create_audit_subject() -> None:
    op.create_table(
        "audit_subject",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("writer", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint(
            "member_id", "happened_at", "writer", "sequence", "month", name=op.f("pk_audit_subject")
        ),
        schema="hub",
        postgresql_partition_by="RANGE (month)",
    )


def _create_audit_seal() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("expired", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seal")),
        schema="hub",
    )


def _create_audit_seal_part() -> None:
    op.create_table(
        "audit_seal_part",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("writer", sa.UUID(), nullable=False),
        sa.Column("last", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "writer", "last", name=op.f("pk_audit_seal_part")),
        schema="hub",
    )
    op.create_index("ix_audit_seal_part_number", "audit_seal_part", ["number"], schema="hub")


def downgrade() -> None:
    op.drop_table("audit_seal_part", schema="hub")
    op.drop_table("audit_seal", schema="hub")
    op.drop_table("audit_subject", schema="hub")
    op.drop_table("audit_entry", schema="hub")
    op.create_table(
        "audit_entry",
        *_entry_columns(),
        sa.PrimaryKeyConstraint("month", "writer", "sequence", name=op.f("pk_audit_entry")),
        schema="hub",
    )
    op.create_index("ix_audit_entry_member_ids", "audit_entry", ["member_ids"], schema="hub", postgresql_using="gin")
