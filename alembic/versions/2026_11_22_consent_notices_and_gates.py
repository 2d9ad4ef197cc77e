"""Consent: notices, events, where each decision stands, gates of purposes, guardians, objections, minors."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "38e846875a83"
down_revision: str | None = "c3a96d17e584"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_consent_current()
    _create_consent_event()
    _create_consent_evidence()
    _create_consent_gate()
    _create_guardian_link()
    _create_minor_approval()
    _create_notice()
    _create_notice_served()
    _create_notice_text()
    _create_objection()
    _create_consent_contact()
    _create_consent_line()
    _create_member()
    _create_profile_value()


def _create_consent_current() -> None:
    op.create_table(
        "consent_current",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("filed_under", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.UUID(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('never_asked', 'asked', 'guardian_pending', 'granted', 'refused', 'withdrawn', "
            "'stale', 'expired', 'lapsed', 'invalidated', 'closed')",
            name=op.f("ck_consent_current_state"),
        ),
        sa.PrimaryKeyConstraint(
            "member_id", "purpose", "recipient", "channel", "event_id", name=op.f("pk_consent_current")
        ),
        schema="hub",
    )
    op.create_index(
        "ix_consent_current_due_at",
        "consent_current",
        ["due_at"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def _create_consent_event() -> None:
    op.create_table(
        "consent_event",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("also", postgresql.ARRAY(sa.UUID()), nullable=True),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("has_contact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("state_from", sa.Text(), nullable=False),
        sa.Column("state_to", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("acted_by", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.UUID(), nullable=True),
        sa.Column("served_id", sa.UUID(), nullable=True),
        sa.Column("is_separate", sa.Boolean(), nullable=False),
        sa.Column("is_sensitive", sa.Boolean(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("is_abroad", sa.Boolean(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "actor IN ('member', 'guardian', 'staff_on_behalf', 'app', 'file', 'dpo', 'timer', 'system')",
            name=op.f("ck_consent_event_actor"),
        ),
        sa.CheckConstraint(
            "state_from IN ('never_asked', 'asked', 'guardian_pending', 'granted', 'refused', 'withdrawn', "
            "'stale', 'expired', 'lapsed', 'invalidated', 'closed')",
            name=op.f("ck_consent_event_state_from"),
        ),
        sa.CheckConstraint(
            "state_to <> 'granted' OR is_separate OR NOT (is_sensitive OR recipient <> '' OR is_published "
            "OR is_abroad)",
            name=op.f("ck_consent_event_separate_act"),
        ),
        sa.CheckConstraint(
            "state_to IN ('never_asked', 'asked', 'guardian_pending', 'granted', 'refused', 'withdrawn', "
            "'stale', 'expired', 'lapsed', 'invalidated', 'closed')",
            name=op.f("ck_consent_event_state_to"),
        ),
        sa.PrimaryKeyConstraint("member_id", "event_id", name=op.f("pk_consent_event")),
        schema="hub",
    )
    op.create_index(
        "ix_consent_event_also",
        "consent_event",
        ["also"],
        unique=False,
        schema="hub",
        postgresql_using="gin",
        postgresql_where=sa.text("also IS NOT NULL"),
    )
    op.create_index("ix_consent_event_origin_id", "consent_event", ["origin_id"], unique=False, schema="hub")
    op.create_index("uq_consent_event_sequence", "consent_event", ["member_id", "sequence"], unique=True, schema="hub")
    op.create_index(
        "uq_consent_event_served",
        "consent_event",
        ["served_id", "purpose", "recipient", "channel"],
        unique=True,
        schema="hub",
        postgresql_where=sa.text("served_id IS NOT NULL AND act NOT IN ('serve_notice', 'member_initiates')"),
    )


def _create_consent_evidence() -> None:
    op.create_table(
        "consent_evidence",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "event_id", name=op.f("pk_consent_evidence")),
        schema="hub",
    )
    op.create_index("ix_consent_evidence_origin_id", "consent_evidence", ["origin_id"], unique=False, schema="hub")


def _create_consent_gate() -> None:
    op.create_table(
        "consent_gate",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bit", sa.SmallInteger(), nullable=False),
        sa.Column("notice_id", sa.UUID(), nullable=False),
        sa.Column("freed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("bit BETWEEN 0 AND 62", name=op.f("ck_consent_gate_bit")),
        sa.PrimaryKeyConstraint("handler", "purpose", "recipient", "effective_at", name=op.f("pk_consent_gate")),
        schema="hub",
    )
    op.create_index(
        "uq_consent_gate_bit",
        "consent_gate",
        ["handler", "bit"],
        unique=True,
        schema="hub",
        postgresql_where=sa.text("freed_at IS NULL"),
    )


def _create_guardian_link() -> None:
    op.create_table(
        "guardian_link",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("link_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("guardian_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("self_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("relation", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("active_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contested_by", sa.UUID(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'relation_pending', 'active', 'disputed', 'handover', 'ended', 'rejected')",
            name=op.f("ck_guardian_link_state"),
        ),
        sa.CheckConstraint("member_id <> guardian_id", name=op.f("ck_guardian_link_two_people")),
        sa.PrimaryKeyConstraint("member_id", "link_id", name=op.f("pk_guardian_link")),
        schema="hub",
    )
    op.create_index(
        "ix_guardian_link_due_at",
        "guardian_link",
        ["due_at"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_guardian_link_guardian_id", "guardian_link", ["guardian_id"], unique=False, schema="hub")
    op.create_index("ix_guardian_link_origin_id", "guardian_link", ["origin_id"], unique=False, schema="hub")


def _create_minor_approval() -> None:
    op.create_table(
        "minor_approval",
        sa.Column("approval_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("member_id", sa.UUID(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("granted_to", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'single_use') = (member_id IS NOT NULL)", name=op.f("ck_minor_approval_single_use")
        ),
        sa.CheckConstraint("kind IN ('standing', 'single_use')", name=op.f("ck_minor_approval_kind")),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_minor_approval")),
        schema="hub",
    )
    op.create_index(
        "ix_minor_approval_member_id",
        "minor_approval",
        ["member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_index(
        "ix_minor_approval_role",
        "minor_approval",
        ["handler", "role", "store", "expires_at"],
        unique=False,
        schema="hub",
    )


def _create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("notice_id", sa.UUID(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_material", sa.Boolean(), nullable=False),
        sa.Column("purposes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("changed", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notice")),
        schema="hub",
    )
    op.create_index("uq_notice_name", "notice", ["handler", "name"], unique=True, schema="hub")


def _create_notice_served() -> None:
    op.create_table(
        "notice_served",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("served_id", sa.UUID(), nullable=False),
        sa.Column("notice_id", sa.UUID(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("by_way_of", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_by_member", sa.Boolean(), nullable=False),
        sa.Column("served_by", sa.Text(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "served_id", name=op.f("pk_notice_served")),
        schema="hub",
    )


def _create_notice_text() -> None:
    op.create_table(
        "notice_text",
        sa.Column("notice_id", sa.UUID(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("collected", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shared", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "locale", name=op.f("pk_notice_text")),
        schema="hub",
    )


def _create_objection() -> None:
    op.create_table(
        "objection",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("objection_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("also", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("scope", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "objection_id", name=op.f("pk_objection")),
        schema="hub",
    )
    op.create_index("ix_objection_also", "objection", ["also"], unique=False, schema="hub", postgresql_using="gin")
    op.create_index("ix_objection_origin_id", "objection", ["origin_id"], unique=False, schema="hub")


def _create_consent_contact() -> None:
    op.create_table(
        "consent_contact",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "event_id", name=op.f("pk_consent_contact")),
        schema="vault",
    )
    op.create_index("ix_consent_contact_origin_id", "consent_contact", ["origin_id"], unique=False, schema="vault")


def _create_consent_line() -> None:
    op.add_column("consent_line", sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True), schema="hub")
    op.create_index(
        "ix_consent_line_waiting",
        "consent_line",
        ["origin_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("applied_at IS NULL"),
    )


def _create_member() -> None:
    op.add_column("member", sa.Column("age_band", sa.Text(), server_default="unknown", nullable=False), schema="hub")
    op.add_column(
        "member", sa.Column("consented_fields", sa.Integer(), server_default="0", nullable=False), schema="hub"
    )
    op.create_check_constraint(
        op.f("ck_member_age_band"), "member", "age_band IN ('unknown', 'child', 'minor', 'adult')", schema="hub"
    )
    op.create_index(
        "ix_member_age_band",
        "member",
        ["age_band", "member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("age_band IN ('child', 'minor')"),
    )
    op.create_index(
        "ix_member_gate_until",
        "member",
        ["gate_until", "member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("gate_until IS NOT NULL"),
    )


def _create_profile_value() -> None:
    op.add_column("profile_value", sa.Column("collected_for", sa.Text(), nullable=True), schema="hub")


def downgrade() -> None:
    op.drop_column("profile_value", "collected_for", schema="hub")
    op.drop_index(
        "ix_member_gate_until", table_name="member", schema="hub", postgresql_where=sa.text("gate_until IS NOT NULL")
    )
    op.drop_index(
        "ix_member_age_band",
        table_name="member",
        schema="hub",
        postgresql_where=sa.text("age_band IN ('child', 'minor')"),
    )
    op.drop_constraint(op.f("ck_member_age_band"), "member", type_="check", schema="hub")
    op.drop_column("member", "consented_fields", schema="hub")
    op.drop_column("member", "age_band", schema="hub")
    op.drop_index(
        "ix_consent_line_waiting",
        table_name="consent_line",
        schema="hub",
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_column("consent_line", "applied_at", schema="hub")
    op.drop_index("ix_consent_contact_origin_id", table_name="consent_contact", schema="vault")
    op.drop_table("consent_contact", schema="vault")
    op.drop_index("ix_objection_origin_id", table_name="objection", schema="hub")
    op.drop_index("ix_objection_also", table_name="objection", schema="hub", postgresql_using="gin")
    op.drop_table("objection", schema="hub")
    op.drop_table("notice_text", schema="hub")
    op.drop_table("notice_served", schema="hub")
    op.drop_index("uq_notice_name", table_name="notice", schema="hub")
    op.drop_table("notice", schema="hub")
    op.drop_index("ix_minor_approval_role", table_name="minor_approval", schema="hub")
    op.drop_index(
        "ix_minor_approval_member_id",
        table_name="minor_approval",
        schema="hub",
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.drop_table("minor_approval", schema="hub")
    op.drop_index("ix_guardian_link_origin_id", table_name="guardian_link", schema="hub")
    op.drop_index("ix_guardian_link_guardian_id", table_name="guardian_link", schema="hub")
    op.drop_index(
        "ix_guardian_link_due_at",
        table_name="guardian_link",
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("guardian_link", schema="hub")
    op.drop_index(
        "uq_consent_gate_bit", table_name="consent_gate", schema="hub", postgresql_where=sa.text("freed_at IS NULL")
    )
    op.drop_table("consent_gate", schema="hub")
    op.drop_index("ix_consent_evidence_origin_id", table_name="consent_evidence", schema="hub")
    op.drop_table("consent_evidence", schema="hub")
    op.drop_index(
        "uq_consent_event_served",
        table_name="consent_event",
        schema="hub",
        postgresql_where=sa.text("served_id IS NOT NULL AND act NOT IN ('serve_notice', 'member_initiates')"),
    )
    op.drop_index("uq_consent_event_sequence", table_name="consent_event", schema="hub")
    op.drop_index("ix_consent_event_origin_id", table_name="consent_event", schema="hub")
    op.drop_index(
        "ix_consent_event_also",
        table_name="consent_event",
        schema="hub",
        postgresql_using="gin",
        postgresql_where=sa.text("also IS NOT NULL"),
    )
    op.drop_table("consent_event", schema="hub")
    op.drop_index(
        "ix_consent_current_due_at",
        table_name="consent_current",
        schema="hub",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("consent_current", schema="hub")
