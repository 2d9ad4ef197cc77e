"""Reading a GraphQL request that stands in an address (GET): the same request object as in a body, of a bounded size.

What may be asked so is decided in graphql/impersonal.py. A body beside it is not read.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from member_hub.graphql import Asked
from member_hub.web.body import BadBody, asked_of

ADDRESS_BYTES_MAX = 8 * 1024  # the usual introspection query has 3 KiB when written so
PARAMETERS_MAX = 10
_OBJECTS: Final = ("variables", "extensions")


def read_address(query_string: bytes) -> Asked:
    """Raises BadBody: 414 for too long an address, 405 for a registered document, 400 for what is no request."""
    if len(query_string) > ADDRESS_BYTES_MAX:
        raise BadBody(414, f"An address has at most {ADDRESS_BYTES_MAX} bytes.", f"地址最多 {ADDRESS_BYTES_MAX} 字节。")
    sent = _parameters(query_string)
    if sent.get("documentId"):
        raise BadBody(405, "Registered documents are asked for by POST.", "已登记的文档须用 POST 请求。")
    return asked_of({name: _object(value) if name in _OBJECTS else value for name, value in sent.items()}, by_get=True)


def _parameters(query_string: bytes) -> dict[str, str]:
    try:
        text = query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except ValueError:
        raise BadBody(400, "The address is not encoded UTF-8.", "地址不是 UTF-8 编码的参数。") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadBody(400, "A parameter stands twice in the address.", "地址中的参数重复。")
    return dict(pairs)


def _object(text: str) -> Any:
    """What body.asked_of then takes or refuses; a parameter without a value is as good as none."""
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        raise BadBody(400, "variables and extensions have to be JSON.", "variables 与 extensions 须为 JSON。") from None
