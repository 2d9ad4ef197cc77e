"""Every way in which a text may be written down, for proving that the scanner finds it."""

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

WRITINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "gb18030": lambda s: s.encode("gb18030"),
    "utf-16-le": lambda s: s.encode("utf-16-le"),
    "utf-16-be": lambda s: s.encode("utf-16-be"),
    "hex": lambda s: s.encode().hex().encode(),
    "HEX": lambda s: s.encode().hex().upper().encode(),
    "hex of GB18030": lambda s: s.encode("gb18030").hex().encode(),
    "base64": lambda s: base64.b64encode(s.encode()),
    "base64, one byte before": lambda s: base64.b64encode(b"x" + s.encode()),
    "base64, two bytes before": lambda s: base64.b64encode(b"xy" + s.encode() + b"z"),
    "base64 of UTF-16": lambda s: base64.b64encode(s.encode("utf-16-le")),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b"\xff\xef\xbe" + s.encode() + b"\xfb\xff"),
    "JSON escapes": lambda s: json.dumps({"v": s}).encode(),
    "JSON escapes of every character": lambda s: re.sub("(.{4})", r"\\u\1", s.encode("utf-16-be").hex()).encode(),
    "Python's repr": lambda s: repr(s.encode()).encode(),
    "URL": lambda s: quote(s, safe="").encode(),
    "form": lambda s: quote_plus(f"a {s}").encode(),
    "base64 of JSON escapes": lambda s: base64.b64encode(json.dumps(s).encode()),
    "URL of base64": lambda s: quote(base64.b64encode(s.encode()), safe="").encode(),
}
