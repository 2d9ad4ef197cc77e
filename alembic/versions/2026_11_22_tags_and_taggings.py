"""tags and taggings."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0572f20cb52f"
down_revision: str | None = "b83f0c6a91d5"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_tag()
    _create_tag_due()
    _create_tag_round()
    _create_tag_threshold()
    _create_tagging()


def _create_tag() -> None:
    op.create_table(
        "tag",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tag_group", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("data_class", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("is_service", sa.Boolean(), nullable=False),
        sa.Column("is_restrictive", sa.Boolean(), nullable=False),
        sa.Column("is_profiling", sa.Boolean(), nullable=False),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.Column("rule", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("expires_days", sa.Integer(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'rule') = (rule IS NOT NULL)", name=op.f("ck_tag_rule")),
        sa.CheckConstraint("kind IN ('hand', 'rule', 'import', 'computed')", name=op.f("ck_tag_kind")),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_tag_approved")),
        sa.PrimaryKeyConstraint("handler", "code", "version", name=op.f("pk_tag")),
        schema="hub",
    )


def _create_tag_due() -> None:
    op.create_table(
        "tag_due",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_tag_due")),
        schema="hub",
    )
    op.create_index("ix_tag_due_due_at", "tag_due", ["due_at"], unique=False, schema="hub")


def _create_tag_round() -> None:
    op.create_table(
        "tag_round",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("after", sa.UUID(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handler", name=op.f("pk_tag_round")),
        schema="hub",
    )


def _create_tag_threshold() -> None:
    op.create_table(
        "tag_threshold",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("figure", sa.Text(), nullable=False),
        sa.Column("percent", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("computed_for", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "figure", "percent", name=op.f("pk_tag_threshold")),
        schema="hub",
    )


def _create_tagging() -> None:
    op.create_table(
        "tagging",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("given_id", sa.UUID(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("origins", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_profiling", sa.Boolean(), nullable=False),
        sa.Column("restricted_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "how IN ('hand', 'import') OR (is_profiling AND origins = '{}')", name=op.f("ck_tagging_profiles")
        ),
        sa.CheckConstraint("how IN ('hand', 'rule', 'import', 'computed')", name=op.f("ck_tagging_how")),
        sa.PrimaryKeyConstraint("member_id", "tag", "given_id", name=op.f("pk_tagging")),
        schema="hub",
    )
    op.create_index(
        "ix_tagging_until",
        "tagging",
        ["until"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("until IS NOT NULL"),
    )


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_index("ix_tagging_until", table_name="tagging", schema="hub", postgresql_where=sa.text("until IS NOT NULL"))
    op.drop_table("tagging", schema="hub")
    op.drop_table("tag_threshold", schema="hub")
    op.drop_table("tag_round", schema="hub")
    op.drop_index("ix_tag_due_due_at", table_name="tag_due", schema="hub")
    op.drop_table("tag_due", schema="hub")
    op.drop_table("tag", schema="hub")
