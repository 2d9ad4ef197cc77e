"""Doing what was asked twice only once: keys of retryable requests, each with what came of it."""

from member_hub.idempotency.actions import KeyReused, RequestKey, begin, finish

__all__ = ["KeyReused", "RequestKey", "begin", "finish"]
