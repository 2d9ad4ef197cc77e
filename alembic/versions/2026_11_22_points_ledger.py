"""Points: accounts, lots, holds and the ledger; order lines that counted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "167d31603c62"
down_revision: str | None = "5ac0e1f97d24"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_points_account()
    _create_points_entry()
    _create_points_hold()
    _create_points_hold_lot()
    _create_points_line()
    _create_points_lot()


def _create_points_account() -> None:
    op.create_table(
        "points_account",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("active", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('open', 'frozen', 'merged', 'closed')", name=op.f("ck_points_account_state")),
        sa.CheckConstraint(
            "active >= 0 AND pending >= 0 AND held >= 0 AND debt >= 0", name=op.f("ck_points_account_pots")
        ),
        sa.CheckConstraint("debt = 0 OR active = 0", name=op.f("ck_points_account_debt")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_points_account")),
        schema="hub",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_points_account_due_at",
        "points_account",
        ["due_at", "member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _create_points_entry() -> None:
    op.create_table(
        "points_entry",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("operation_id", sa.UUID(), nullable=False),
        sa.Column("of_operation", sa.UUID(), nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.UUID(), nullable=True),
        sa.Column("hold_id", sa.UUID(), nullable=True),
        sa.Column("origin_id", sa.UUID(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "act IN ('earn', 'activate', 'expire', 'hold', 'capture', 'release', 'redeem', 'reverse', "
            "'repay', 'adjust', 'transfer_out', 'transfer_in', 'reinstate', 'extend', 'forfeit', "
            "'merge_out', 'merge_in', 'freeze', 'unfreeze', 'close')",
            name=op.f("ck_points_entry_act"),
        ),
        sa.CheckConstraint(
            "reason IN ('purchase', 'interaction', 'task', 'opening', 'reward', 'refund', 'cancelled', "
            "'due', 'timed_out', 'goodwill', 'correction', 'complaint', 'suspicion', 'cleared', 'gift', "
            "'merge', 'split', 'membership_ended')",
            name=op.f("ck_points_entry_reason"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_points_entry_amount")),
        sa.PrimaryKeyConstraint("member_id", "sequence", name=op.f("pk_points_entry")),
        schema="hub",
    )
    op.create_index(
        "ix_points_entry_of_operation",
        "points_entry",
        ["of_operation"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("of_operation IS NOT NULL"),
    )
    op.create_index("ix_points_entry_operation_id", "points_entry", ["operation_id"], unique=False, schema="hub")


def _create_points_hold() -> None:
    op.create_table(
        "points_hold",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("hold_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'captured', 'released', 'timed_out', 'moved')", name=op.f("ck_points_hold_state")
        ),
        sa.CheckConstraint("captured BETWEEN 0 AND amount", name=op.f("ck_points_hold_captured")),
        sa.PrimaryKeyConstraint("member_id", "hold_id", name=op.f("pk_points_hold")),
        schema="hub",
    )
    op.create_index(
        "ix_points_hold_open",
        "points_hold",
        ["member_id", "expires_at"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("state = 'open'"),
    )


def _create_points_hold_lot() -> None:
    op.create_table(
        "points_hold_lot",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("hold_id", sa.UUID(), nullable=False),
        sa.Column("lot_id", sa.UUID(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_points_hold_lot_held")),
        sa.PrimaryKeyConstraint("member_id", "hold_id", "lot_id", name=op.f("pk_points_hold_lot")),
        schema="hub",
    )


def _create_points_line() -> None:
    op.create_table(
        "points_line",
        sa.Column("order_key", sa.LargeBinary(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=True),
        sa.Column("operation_id", sa.UUID(), nullable=False),
        sa.Column("lot_id", sa.UUID(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("act IN ('paid', 'refunded')", name=op.f("ck_points_line_act")),
        sa.CheckConstraint(
            "refunded_fen BETWEEN 0 AND amount_fen AND points >= 0", name=op.f("ck_points_line_refunded_fen")
        ),
        sa.PrimaryKeyConstraint("order_key", "line_no", name=op.f("pk_points_line")),
        schema="hub",
    )
    op.create_index("ix_points_line_lot_id", "points_line", ["lot_id"], unique=False, schema="hub")
    op.create_index("ix_points_line_member_id", "points_line", ["member_id"], unique=False, schema="hub")


def _create_points_lot() -> None:
    op.create_table(
        "points_lot",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("lot_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("earned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activates_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('purchase', 'interaction', 'task', 'opening', 'adjustment', 'transfer')",
            name=op.f("ck_points_lot_kind"),
        ),
        sa.CheckConstraint("remaining = 0 OR state IN ('pending', 'active')", name=op.f("ck_points_lot_live")),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'expired', 'reversed', 'moved')", name=op.f("ck_points_lot_state")
        ),
        sa.CheckConstraint("earned = remaining + spent + expired + reversed + moved", name=op.f("ck_points_lot_whole")),
        sa.CheckConstraint("held BETWEEN 0 AND remaining", name=op.f("ck_points_lot_held")),
        sa.CheckConstraint(
            "spent >= 0 AND expired >= 0 AND reversed >= 0 AND moved >= 0", name=op.f("ck_points_lot_parts")
        ),
        sa.PrimaryKeyConstraint("member_id", "lot_id", name=op.f("pk_points_lot")),
        schema="hub",
    )
    op.create_index("ix_points_lot_earned_at", "points_lot", ["member_id", "earned_at"], unique=False, schema="hub")
    op.create_index(
        "ix_points_lot_live",
        "points_lot",
        ["member_id", "expires_at", "lot_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index(
        "ix_points_lot_opening",
        "points_lot",
        ["origin_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("kind = 'opening'"),
    )


def downgrade() -> None:
    for table in ("lot", "line", "hold_lot", "hold", "entry", "account"):
        op.drop_table(f"points_{table}", schema="hub")
