"""The self-check of points finds an account that is looked at too late."""

from collections.abc import Sequence

from alembic import op

revision: str = "b3e8d15f7a20"
down_revision: str | None = "8a4e61c7d0b2"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = ("pots", "sequence", "version", "balance", "lot", "lots", "hold", "between")


def _allow(*faults: str) -> None:
    name = op.f("ck_points_finding_fault")
    op.drop_constraint(name, "points_finding", schema="hub", type_="check")
    words = ", ".join(f"'{fault}'" for fault in faults)
    op.create_check_constraint(name, "points_finding", f"fault IN ({words})", schema="hub")


def upgrade() -> None:
    _allow(*BEFORE, "due")


def downgrade() -> None:
    op.execute("DELETE FROM hub.points_finding WHERE fault = 'due'")
    _allow(*BEFORE)
