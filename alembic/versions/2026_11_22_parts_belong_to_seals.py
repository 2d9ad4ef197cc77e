"""What a part of a seal says is sealed belongs to a seal that is there.

The audit role can only add, and one added row could say of a writer that all it will ever write is sealed.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "b7d2f40c9e15"
down_revision: str | None = "7f3ad1c85e20"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = "fk_audit_seal_part_number_audit_seal"


def upgrade() -> None:
    op.create_foreign_key(
        NAME, "audit_seal_part", "audit_seal", ["number"], ["number"], source_schema="hub", referent_schema="hub"
    )


def downgrade() -> None:
    op.drop_constraint(NAME, "audit_seal_part", schema="hub", type_="foreignkey")
