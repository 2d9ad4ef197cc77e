"""Growth and tiers: entries of growth, rules, standings and how they came, population quantiles."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "7c1e93b5d2a8"
down_revision: str | None = "e4b7a19d3c60"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_growth_entry()
    _create_tier_change()
    _create_tier_review_day()
    _create_tier_rules()
    _create_tier_standing()
    _create_tier_threshold()


def _create_growth_entry() -> None:
    op.create_table(
        "growth_entry",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source IN ('order', 'refund', 'activity', 'manual')", name=op.f("ck_growth_entry_source")),
        sa.PrimaryKeyConstraint("member_id", "source", "source_key", "number", name=op.f("pk_growth_entry")),
        schema="hub",
    )
    op.create_index(
        "ix_growth_entry_origin_id",
        "growth_entry",
        ["origin_id", "occurred_at"],
        unique=False,
        schema="hub",
        postgresql_include=["amount"],
    )


def _create_tier_change() -> None:
    op.create_table(
        "tier_change",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("from_tier", sa.Text(), nullable=False),
        sa.Column("to_tier", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placing", sa.Text(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('joined', 'earned', 'retained', 'grace', 'lapsed', 'manual', 'merge', 'split')",
            name=op.f("ck_tier_change_reason"),
        ),
        sa.PrimaryKeyConstraint("member_id", "change_id", name=op.f("pk_tier_change")),
        schema="hub",
    )
    op.create_index("ix_tier_change_changed_at", "tier_change", ["changed_at"], unique=False, schema="hub")


def _create_tier_review_day() -> None:
    op.create_table(
        "tier_review_day",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("rules_digest", sa.LargeBinary(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("handler", name=op.f("pk_tier_review_day")),
        schema="hub",
    )


def _create_tier_rules() -> None:
    op.create_table(
        "tier_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("backtest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_tier_rules_approved")),
        sa.CheckConstraint("version > 0", name=op.f("ck_tier_rules_version")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_tier_rules")),
        schema="hub",
    )


def _create_tier_standing() -> None:
    op.create_table(
        "tier_standing",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("own_tier", sa.Text(), nullable=True),
        sa.Column("own_rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_grace", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("floor_rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("floor_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_needed", sa.BigInteger(), nullable=True),
        sa.Column("notice_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reason IN ('joined', 'earned', 'retained', 'grace', 'lapsed', 'manual', 'merge', 'split')",
            name=op.f("ck_tier_standing_reason"),
        ),
        sa.CheckConstraint("(floor IS NULL) = (floor_until IS NULL)", name=op.f("ck_tier_standing_floor")),
        sa.CheckConstraint(
            "num_nonnulls(tier, own_tier, since, reason) IN (0, 4)", name=op.f("ck_tier_standing_decided")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_tier_standing")),
        schema="hub",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_tier_standing_due_at",
        "tier_standing",
        ["due_at", "member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _create_tier_threshold() -> None:
    op.create_table(
        "tier_threshold",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("handler", "rules_version", "name", name=op.f("pk_tier_threshold")),
        schema="hub",
    )


def downgrade() -> None:
    for table in ("tier_threshold", "tier_standing", "tier_rules", "tier_review_day", "tier_change", "growth_entry"):
        op.drop_table(table, schema="hub")
