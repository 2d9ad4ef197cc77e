"""First tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "3458562b88cc"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_activity()
    _create_audit_entry()
    _create_channel_account()
    _create_consent_line()
    _create_idempotency()
    _create_identity_claim()
    _create_inbox()
    _create_ingest_run()
    _create_member()
    _create_member_store()
    _create_merge_event()
    _create_never_merge()
    _create_order_line()
    _create_profile_value()
    _create_quarantine()
    _create_review_candidate()
    _create_waiting_line()
    _create_data_key()
    _create_identity_hint()
    _create_identity_token()
    _create_key_registry()


def _create_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "origin_id", "day", "kind", name=op.f("pk_activity")),
        schema="hub",
    )
    op.create_index("ix_activity_day", "activity", ["day"], unique=False, schema="hub")
    op.create_index("ix_activity_origin_id", "activity", ["origin_id"], unique=False, schema="hub")


def _create_audit_entry() -> None:
    op.create_table(
        "audit_entry",
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
        sa.PrimaryKeyConstraint("month", "writer", "sequence", name=op.f("pk_audit_entry")),
        schema="hub",
    )
    op.create_index(
        "ix_audit_entry_member_ids", "audit_entry", ["member_ids"], unique=False, schema="hub", postgresql_using="gin"
    )


def _create_channel_account() -> None:
    op.create_table(
        "channel_account",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("filed_under", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("home_store", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "origin_id", name=op.f("pk_channel_account")),
        schema="hub",
    )
    op.create_index("ix_channel_account_origin_id", "channel_account", ["origin_id"], unique=False, schema="hub")


def _create_consent_line() -> None:
    op.create_table(
        "consent_line",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("line_digest", sa.LargeBinary(), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "origin_id", "line_digest", name=op.f("pk_consent_line")),
        schema="hub",
    )
    op.create_index("ix_consent_line_origin_id", "consent_line", ["origin_id"], unique=False, schema="hub")


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key_digest", name=op.f("pk_idempotency")),
        schema="hub",
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"], unique=False, schema="hub")


def _create_identity_claim() -> None:
    op.create_table(
        "identity_claim",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("claim_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("connects", sa.Boolean(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stated_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stated_to", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "origin_id", "claim_id", name=op.f("pk_identity_claim")),
        schema="hub",
    )
    op.create_index("ix_identity_claim_origin_id", "identity_claim", ["origin_id"], unique=False, schema="hub")


def _create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_key", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "message_key", name=op.f("pk_inbox")),
        schema="hub",
    )


def _create_ingest_run() -> None:
    op.create_table(
        "ingest_run",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("next_line", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_ingest_run")),
        schema="hub",
    )
    op.create_index("ix_ingest_run_file_digest", "ingest_run", ["source", "file_digest"], unique=False, schema="hub")


def _create_member() -> None:
    op.create_table(
        "member",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.UUID(), nullable=True),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("home_store", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("channels", sa.SmallInteger(), nullable=False),
        sa.Column("consent_bits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("restriction_bits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gate_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("privacy_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("birthday", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name=op.f("ck_member_merged_into")),
        sa.CheckConstraint(
            "status IN ('active', 'frozen', 'restricted', 'merged', 'erased')", name=op.f("ck_member_status")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member")),
        schema="hub",
    )
    op.create_index(
        "ix_member_home_store", "member", ["home_store", "joined_at", "member_id"], unique=False, schema="hub"
    )
    op.create_index(
        "ix_member_joined_at",
        "member",
        ["joined_at", "member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("status NOT IN ('merged', 'erased')"),
    )
    op.create_index(
        "ix_member_merged_into",
        "member",
        ["merged_into"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )


def _create_member_store() -> None:
    op.create_table(
        "member_store",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("purchased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "origin_id", "store", name=op.f("pk_member_store")),
        schema="hub",
    )
    op.create_index("ix_member_store_origin_id", "member_store", ["origin_id"], unique=False, schema="hub")
    op.create_index(
        "ix_member_store_store", "member_store", ["store", "member_id", "purchased_at"], unique=False, schema="hub"
    )


def _create_merge_event() -> None:
    op.create_table(
        "merge_event",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("kept", sa.UUID(), nullable=False),
        sa.Column("gone", sa.UUID(), nullable=False),
        sa.Column("origin_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("weight_bp", sa.SmallInteger(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caused_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_merge_event")),
        schema="hub",
    )
    op.create_index("ix_merge_event_gone", "merge_event", ["gone"], unique=False, schema="hub")
    op.create_index("ix_merge_event_kept", "merge_event", ["kept"], unique=False, schema="hub")


def _create_never_merge() -> None:
    op.create_table(
        "never_merge",
        sa.Column("origin_a", sa.UUID(), nullable=False),
        sa.Column("origin_b", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("origin_a < origin_b", name=op.f("ck_never_merge_ordered")),
        sa.PrimaryKeyConstraint("origin_a", "origin_b", name=op.f("pk_never_merge")),
        schema="hub",
    )
    op.create_index("ix_never_merge_origin_b", "never_merge", ["origin_b"], unique=False, schema="hub")


def _create_order_line() -> None:
    op.create_table(
        "order_line",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refund_of_order", sa.Text(), nullable=True),
        sa.Column("refund_of_line", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "channel", "order_no", "line_no", name=op.f("pk_order_line")),
        schema="hub",
    )
    op.create_index("ix_order_line_ordered_at", "order_line", ["member_id", "ordered_at"], unique=False, schema="hub")
    op.create_index("ix_order_line_origin_id", "order_line", ["origin_id"], unique=False, schema="hub")


def _create_profile_value() -> None:
    op.create_table(
        "profile_value",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("value_digest", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("strength", sa.SmallInteger(), nullable=False),
        sa.Column("connects", sa.Boolean(), nullable=False),
        sa.Column("first_stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "field", "origin_id", "value_digest", name=op.f("pk_profile_value")),
        schema="hub",
    )
    op.create_index("ix_profile_value_origin_id", "profile_value", ["origin_id"], unique=False, schema="hub")


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("hint_tokens", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "line", name=op.f("pk_quarantine")),
        schema="hub",
    )
    op.create_index("ix_quarantine_digest", "quarantine", ["source", "line", "digest"], unique=True, schema="hub")
    op.create_index(
        "ix_quarantine_hint_tokens", "quarantine", ["hint_tokens"], unique=False, schema="hub", postgresql_using="gin"
    )


def _create_review_candidate() -> None:
    op.create_table(
        "review_candidate",
        sa.Column("origin_a", sa.UUID(), nullable=False),
        sa.Column("origin_b", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("weight_bp", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("origin_a < origin_b", name=op.f("ck_review_candidate_ordered")),
        sa.PrimaryKeyConstraint("origin_a", "origin_b", "reason", name=op.f("pk_review_candidate")),
        schema="hub",
    )
    op.create_index("ix_review_candidate_origin_b", "review_candidate", ["origin_b"], unique=False, schema="hub")


def _create_waiting_line() -> None:
    op.create_table(
        "waiting_line",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_key", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.UUID(), nullable=False),
        sa.Column("account_token", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "message_key", name=op.f("pk_waiting_line")),
        schema="hub",
    )
    op.create_index("ix_waiting_line_account_token", "waiting_line", ["account_token"], unique=False, schema="hub")
    op.create_index("ix_waiting_line_subject_id", "waiting_line", ["subject_id"], unique=False, schema="hub")


def _create_data_key() -> None:
    op.create_table(
        "data_key",
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("data_class", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_data_key_version")),
        sa.PrimaryKeyConstraint("subject", "data_class", "version", name=op.f("pk_data_key")),
        schema="vault",
    )


def _create_identity_hint() -> None:
    op.create_table(
        "identity_hint",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("connects", sa.Boolean(), nullable=False),
        sa.Column("claim_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "token", "key_version", "origin_id", name=op.f("pk_identity_hint")),
        schema="vault",
    )
    op.create_index("ix_identity_hint_origin_id", "identity_hint", ["origin_id"], unique=False, schema="vault")


def _create_identity_token() -> None:
    op.create_table(
        "identity_token",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "token", "key_version", name=op.f("pk_identity_token")),
        schema="vault",
    )
    op.create_index("ix_identity_token_origin_id", "identity_token", ["origin_id"], unique=False, schema="vault")


def _create_key_registry() -> None:
    op.create_table(
        "key_registry",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'retired')", name=op.f("ck_key_registry_state")),
        sa.CheckConstraint("version > 0", name=op.f("ck_key_registry_version")),
        sa.PrimaryKeyConstraint("kind", "version", name=op.f("pk_key_registry")),
        schema="vault",
    )


def downgrade() -> None:
    _drop_key_registry()
    _drop_identity_token()
    _drop_identity_hint()
    _drop_data_key()
    _drop_waiting_line()
    _drop_review_candidate()
    _drop_quarantine()
    _drop_profile_value()
    _drop_order_line()
    _drop_never_merge()
    _drop_merge_event()
    _drop_member_store()
    _drop_member()
    _drop_ingest_run()
    _drop_inbox()
    _drop_identity_claim()
    _drop_idempotency()
    _drop_consent_line()
    _drop_channel_account()
    _drop_audit_entry()
    _drop_activity()


def _drop_key_registry() -> None:
    op.drop_table("key_registry", schema="vault")


def _drop_identity_token() -> None:
    op.drop_index("ix_identity_token_origin_id", table_name="identity_token", schema="vault")
    op.drop_table("identity_token", schema="vault")


def _drop_identity_hint() -> None:
    op.drop_index("ix_identity_hint_origin_id", table_name="identity_hint", schema="vault")
    op.drop_table("identity_hint", schema="vault")


def _drop_data_key() -> None:
    op.drop_table("data_key", schema="vault")


def _drop_waiting_line() -> None:
    op.drop_index("ix_waiting_line_subject_id", table_name="waiting_line", schema="hub")
    op.drop_index("ix_waiting_line_account_token", table_name="waiting_line", schema="hub")
    op.drop_table("waiting_line", schema="hub")


def _drop_review_candidate() -> None:
    op.drop_index("ix_review_candidate_origin_b", table_name="review_candidate", schema="hub")
    op.drop_table("review_candidate", schema="hub")


def _drop_quarantine() -> None:
    op.drop_index("ix_quarantine_hint_tokens", table_name="quarantine", schema="hub", postgresql_using="gin")
    op.drop_index("ix_quarantine_digest", table_name="quarantine", schema="hub")
    op.drop_table("quarantine", schema="hub")


def _drop_profile_value() -> None:
    op.drop_index("ix_profile_value_origin_id", table_name="profile_value", schema="hub")
    op.drop_table("profile_value", schema="hub")


def _drop_order_line() -> None:
    op.drop_index("ix_order_line_origin_id", table_name="order_line", schema="hub")
    op.drop_index("ix_order_line_ordered_at", table_name="order_line", schema="hub")
    op.drop_table("order_line", schema="hub")


def _drop_never_merge() -> None:
    op.drop_index("ix_never_merge_origin_b", table_name="never_merge", schema="hub")
    op.drop_table("never_merge", schema="hub")


def _drop_merge_event() -> None:
    op.drop_index("ix_merge_event_kept", table_name="merge_event", schema="hub")
    op.drop_index("ix_merge_event_gone", table_name="merge_event", schema="hub")
    op.drop_table("merge_event", schema="hub")


def _drop_member_store() -> None:
    op.drop_index("ix_member_store_store", table_name="member_store", schema="hub")
    op.drop_index("ix_member_store_origin_id", table_name="member_store", schema="hub")
    op.drop_table("member_store", schema="hub")


def _drop_member() -> None:
    op.drop_index(
        "ix_member_merged_into", table_name="member", schema="hub", postgresql_where=sa.text("merged_into IS NOT NULL")
    )
    op.drop_index(
        "ix_member_joined_at",
        table_name="member",
        schema="hub",
        postgresql_where=sa.text("status NOT IN ('merged', 'erased')"),
    )
    op.drop_index("ix_member_home_store", table_name="member", schema="hub")
    op.drop_table("member", schema="hub")


def _drop_ingest_run() -> None:
    op.drop_index("ix_ingest_run_file_digest", table_name="ingest_run", schema="hub")
    op.drop_table("ingest_run", schema="hub")


def _drop_inbox() -> None:
    op.drop_table("inbox", schema="hub")


def _drop_identity_claim() -> None:
    op.drop_index("ix_identity_claim_origin_id", table_name="identity_claim", schema="hub")
    op.drop_table("identity_claim", schema="hub")


def _drop_idempotency() -> None:
    op.drop_index("ix_idempotency_expires_at", table_name="idempotency", schema="hub")
    op.drop_table("idempotency", schema="hub")


def _drop_consent_line() -> None:
    op.drop_index("ix_consent_line_origin_id", table_name="consent_line", schema="hub")
    op.drop_table("consent_line", schema="hub")


def _drop_channel_account() -> None:
    op.drop_index("ix_channel_account_origin_id", table_name="channel_account", schema="hub")
    op.drop_table("channel_account", schema="hub")


def _drop_audit_entry() -> None:
    op.drop_index("ix_audit_entry_member_ids", table_name="audit_entry", schema="hub", postgresql_using="gin")
    op.drop_table("audit_entry", schema="hub")


def _drop_activity() -> None:
    op.drop_index("ix_activity_origin_id", table_name="activity", schema="hub")
    op.drop_index("ix_activity_day", table_name="activity", schema="hub")
    op.drop_table("activity", schema="hub")
