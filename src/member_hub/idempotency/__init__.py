"""Doing what was asked twice only once: keys of retryable requests, each with what came of it."""

from member_hub.idempotency.actions import (
    CLAIM,
    KEY,
    Done,
    KeyReused,
    RequestKey,
    begin,
    claim,
    claim_each,
    claimed_or_done,
    claiming,
    done_at,
    finish,
    forget_expired,
    forget_now_and_then,
    key_row,
    stood,
)

__all__ = [
    "CLAIM",
    "KEY",
    "Done",
    "KeyReused",
    "RequestKey",
    "begin",
    "claim",
    "claim_each",
    "claimed_or_done",
    "claiming",
    "done_at",
    "finish",
    "forget_expired",
    "forget_now_and_then",
    "key_row",
    "stood",
]
