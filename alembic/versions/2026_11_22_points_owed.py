"""What a refund of its line could not take is remembered with the lot, and when a lot expired first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c5a1f0d2e684"
down_revision: str | None = "b3e8d15f7a20"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = ("pots", "sequence", "version", "balance", "lot", "lots", "hold", "between", "due")


def _allow(*faults: str) -> None:
    name = op.f("ck_points_finding_fault")
    op.drop_constraint(name, "points_finding", schema="hub", type_="check")
    words = ", ".join(f"'{fault}'" for fault in faults)
    op.create_check_constraint(name, "points_finding", f"fault IN ({words})", schema="hub")


def upgrade() -> None:
    owed = sa.Column("owed", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("points_lot", owed, schema="hub")
    for name in ("owed_since", "lapsed_at"):
        op.add_column("points_lot", sa.Column(name, sa.DateTime(timezone=True), nullable=True), schema="hub")
    name = op.f("ck_points_lot_owed")
    op.create_check_constraint(name, "points_lot", "owed BETWEEN 0 AND spent + held", schema="hub")
    op.create_index(
        "ix_points_lot_owed", "points_lot", ["member_id"], schema="hub", postgresql_where=sa.text("owed > 0")
    )
    _allow(*BEFORE, "owed")


def downgrade() -> None:
    op.execute("DELETE FROM hub.points_finding WHERE fault = 'owed'")
    _allow(*BEFORE)
    op.drop_index("ix_points_lot_owed", table_name="points_lot", schema="hub")
    op.drop_constraint(op.f("ck_points_lot_owed"), "points_lot", schema="hub", type_="check")
    for name in ("lapsed_at", "owed_since", "owed"):
        op.drop_column("points_lot", name, schema="hub")
