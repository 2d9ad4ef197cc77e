"""Growth comes from orders, refunds and activity alone: a tier is placed by hand, growth never was."""

from collections.abc import Sequence

from alembic import op

revision: str = "b3e81f5c7a20"
down_revision: str | None = "b41f6c08d7e3"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _allow("source IN ('order', 'refund', 'activity')")


def downgrade() -> None:
    _allow("source IN ('order', 'refund', 'activity', 'manual')")


def _allow(condition: str) -> None:
    op.drop_constraint(op.f("ck_growth_entry_source"), "growth_entry", type_="check", schema="hub")
    op.create_check_constraint(op.f("ck_growth_entry_source"), "growth_entry", condition, schema="hub")
