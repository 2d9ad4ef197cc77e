"""Doing what was asked twice only once: keys of retryable requests, each with what came of it."""

from member_hub.idempotency.actions import Done, KeyReused, RequestKey, begin, claim, finish

__all__ = ["Done", "KeyReused", "RequestKey", "begin", "claim", "finish"]
