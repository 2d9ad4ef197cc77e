"""Benefits: entitlements, what was used of them, and the rounds of the clock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b5e7f1c40a92"
down_revision: str | None = "91d4c7e05b3f"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COUNTS = "folded_into IS NULL AND is_one_per_person"


def upgrade() -> None:
    _create_entitlement()
    _create_benefit_use()
    _create_benefit_round()


def _create_entitlement() -> None:
    op.create_table(
        "entitlement",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("entitlement_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=True),
        sa.Column("benefit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_one_per_person", sa.Boolean(), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("others_granted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("others_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("folded_into", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_by_kind", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "source IN ('tier', 'birthday', 'anniversary', 'promotion', 'issued')", name=op.f("ck_entitlement_source")
        ),
        sa.CheckConstraint(
            "granted >= 0 AND used >= 0 AND others_granted >= 0 AND others_used >= 0",
            name=op.f("ck_entitlement_counts"),
        ),
        sa.PrimaryKeyConstraint("member_id", "entitlement_id", name=op.f("pk_entitlement")),
        schema="hub",
    )
    op.create_index(
        "uq_entitlement_period",
        "entitlement",
        ["member_id", "benefit", "period"],
        unique=True,
        schema="hub",
        postgresql_where=sa.text(COUNTS),
    )
    op.create_index("ix_entitlement_entitlement_id", "entitlement", ["entitlement_id"], unique=False, schema="hub")
    op.create_index("ix_entitlement_origin_id", "entitlement", ["origin_id"], unique=False, schema="hub")


def _create_benefit_use() -> None:
    op.create_table(
        "benefit_use",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("use_id", sa.UUID(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("of_use", sa.UUID(), nullable=True),
        sa.Column("entitlement_id", sa.UUID(), nullable=False),
        sa.Column("benefit", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("act IN ('used', 'voided')", name=op.f("ck_benefit_use_act")),
        sa.CheckConstraint("(act = 'voided') = (of_use IS NOT NULL)", name=op.f("ck_benefit_use_of_use")),
        sa.PrimaryKeyConstraint("member_id", "use_id", name=op.f("pk_benefit_use")),
        schema="hub",
    )
    op.create_index(
        "uq_benefit_use_of_use",
        "benefit_use",
        ["member_id", "of_use"],
        unique=True,
        schema="hub",
        postgresql_where=sa.text("of_use IS NOT NULL"),
    )
    op.create_index("ix_benefit_use_use_id", "benefit_use", ["use_id"], unique=False, schema="hub")


def _create_benefit_round() -> None:
    op.create_table(
        "benefit_round",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after_id", sa.UUID(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "month", name=op.f("pk_benefit_round")),
        schema="hub",
    )


def downgrade() -> None:
    for name in ("benefit_round", "benefit_use", "entitlement"):
        op.drop_table(name, schema="hub")
