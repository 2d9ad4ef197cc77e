"""Reading the body of a GraphQL request: one JSON object of a bounded size, or a refusal with its HTTP status."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from member_hub.errors import BadInput
from member_hub.graphql import Asked
from member_hub.texts import any_control

BODY_BYTES_MAX = 256 * 1024
BODY_S = 10  # from the head of the request to the last byte of its body
OPERATION_NAME_CHARS_MAX = 200
DOCUMENT_ID_CHARS_MAX = 200


class BadBody(BadInput):
    """Carries the HTTP status; the text says what was expected."""

    def __init__(self, status: int, en: str, zh: str) -> None:
        self.status = status
        super().__init__(en, zh=zh)


async def read_body(request: Request, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Raises BadBody: 415 for another media type, and what `receive` raises."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", "charset=utf8"):
        raise BadBody(415, "Send application/json in UTF-8.", "请以 UTF-8 编码的 application/json 发送。")
    return await receive(request, bytes_max=bytes_max)


async def receive(request: Request, *, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The bytes of the body, which comes as it is: nothing is unpacked here.

    Raises BadBody: 415 for a coded one, 413 for too many, 408 for too slow, 400 for a body that broke off.
    """
    if any(coding.strip().lower() not in ("", "identity") for coding in _codings(request)):
        raise BadBody(415, "Send the body as it is, without Content-Encoding.", "请求体不得使用 Content-Encoding。")
    received = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                received += chunk
                if len(received) > bytes_max:
                    raise BadBody(413, f"A request has at most {bytes_max} bytes.", f"请求最多 {bytes_max} 字节。")
    except TimeoutError:
        raise BadBody(408, f"The body did not arrive within {BODY_S} s.", f"请求体未在 {BODY_S} 秒内到达。") from None
    except ClientDisconnect:
        raise BadBody(400, "The body broke off.", "请求体不完整。") from None
    return bytes(received)


def _codings(request: Request) -> list[str]:
    return [coding for header in request.headers.getlist("content-encoding") for coding in header.split(",")]


def parse(body: bytes) -> Asked:
    """Raises BadBody (400) for anything but one request object, with a text or the id of a registered document."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadBody(400, "The body is not JSON in UTF-8.", "请求体不是 UTF-8 编码的 JSON。") from None
    if not isinstance(sent, dict):
        raise BadBody(400, "The body is not one JSON object; there is no batching.", "请求体须为单个 JSON 对象。")
    return replace(asked_of(sent), body_bytes=len(body))


def asked_of(sent: dict[str, Any], *, by_get: bool = False) -> Asked:
    """Raises BadBody (400) as `parse` does."""
    document_id = _document_id(sent)
    query = _query(sent) if document_id is None else None
    return Asked(query, _operation_name(sent), _object(sent, "variables"), document_id, is_by_get=by_get)


def _document_id(sent: dict[str, Any]) -> str | None:
    stated = sent.get("documentId")
    if stated is None:
        return None
    if not isinstance(stated, str) or not 0 < len(stated) <= DOCUMENT_ID_CHARS_MAX or sent.get("query") is not None:
        raise BadBody(400, "Send documentId, a text, or query.", "须发送 documentId（文本）或 query 之一。")
    return stated


def _query(sent: dict[str, Any]) -> str:
    query = sent.get("query")
    if not isinstance(query, str) or not query.strip():
        raise BadBody(400, "query has to be a text.", "query 须为文本。")
    return query


def _operation_name(sent: dict[str, Any]) -> str | None:
    name = sent.get("operationName")
    if name is not None and (not isinstance(name, str) or len(name) > OPERATION_NAME_CHARS_MAX):
        raise BadBody(400, "operationName has to be a text.", "operationName 须为文本。")
    return name or None


def _object(sent: dict[str, Any], name: str) -> dict[str, Any]:
    value = sent.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadBody(400, f"{name} has to be an object.", f"{name} 须为对象。")
    extensions = sent.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadBody(400, "extensions has to be an object.", "extensions 须为对象。")
    if any_control(value):
        raise BadBody(400, f"{name} has a text with control characters.", f"{name} 含有控制字符。")
    return value or {}
