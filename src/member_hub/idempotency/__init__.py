"""Doing what was asked twice only once: keys of retryable requests, each with what came of it."""

from member_hub.idempotency.actions import (
    CLAIM,
    Done,
    KeyReused,
    RequestKey,
    begin,
    claim,
    claim_where,
    claimed_or_done,
    claiming,
    done_at,
    finish,
    forget_expired,
    forget_now_and_then,
    stood,
)

__all__ = [
    "CLAIM",
    "Done",
    "KeyReused",
    "RequestKey",
    "begin",
    "claim",
    "claim_where",
    "claimed_or_done",
    "claiming",
    "done_at",
    "finish",
    "forget_expired",
    "forget_now_and_then",
    "stood",
]
