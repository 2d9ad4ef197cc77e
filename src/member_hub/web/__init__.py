"""The ASGI edge: HTTP in, one request to the API, HTTP out; health, figures, and a query page for development."""

from member_hub.web.app import make_app
from member_hub.web.logs import configure_logging
from member_hub.web.serving import serve

__all__ = ["configure_logging", "make_app", "serve"]
