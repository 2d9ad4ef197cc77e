"""Log lines as JSON, one per event, without personal values at any level.

Our own messages name ids and codes only. Texts of exceptions may quote values, so a line has their types and places,
not their texts. Libraries speak from WARNING on, however much is asked for: their debug lines hold rows and queries.
"""

import logging
import sys
from typing import Any, TextIO

import orjson

from member_hub.graphql.problems import trace_of

OURS = "member_hub"
SERVER = "uvicorn.error"
SILENT = "strawberry.execution"  # logs errors with the document
EXTRA = ("method", "path", "status", "duration_ms", "request_id")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in EXTRA if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = list(trace_of(record.exc_info[1]))
        return orjson.dumps(line, default=str).decode()


def configure_logging(*, debug: bool, stream: TextIO | None = None) -> None:
    """Send the log to standard error; `debug` concerns our own lines only."""
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger(SERVER).setLevel(logging.INFO)
    logging.getLogger(SILENT).disabled = True
