"""Which addresses the hub speaks to: https, and http on this machine only."""

from typing import Final
from urllib.parse import urlsplit

URL_CHARS_MAX = 300
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe_url(value: str) -> bool:
    """https; http on this machine only. No login, no fragment, nothing invisible."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or len(value) > URL_CHARS_MAX or not value.isascii() or not value.isprintable() or " " in value:
        return False
    if "@" in parts.netloc or "#" in value:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
