"""POST /sign-in/code, /sign-in/session and /sign-in/end: members sign in with a code sent to their phone.

Answers are JSON; errors look as those of /graphql do. No cookie is set and none is read, and a body has to be declared
as JSON, so a page of somebody else cannot ask in a visitor's name.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from member_hub.access import MemberTokens, Unauthenticated
from member_hub.errors import BadInput, Refused
from member_hub.graphql import Language, refused
from member_hub.runtime import Runtime
from member_hub.sign_in import (
    CODE_LIVES,
    PHONE_CHARS_MAX,
    CodesSpent,
    Desk,
    Second,
    Started,
    Visit,
    Wanted,
    is_code,
)
from member_hub.texts import has_control
from member_hub.throttling import Buckets, Rate, Throttled
from member_hub.web.answers import respond, status_of
from member_hub.web.body import BadBody, read_body
from member_hub.web.door import failed
from member_hub.web.figures import Figures
from member_hub.web.negotiation import GRAPHQL, JSON
from member_hub.web.remote import remote_address

SIGN_IN_BYTES_MAX: Final = 2_048
SECOND_CHARS_MAX: Final = 100
VISITS: Final = Rate(per_s=1, burst=60)  # of one address: twice what the limits of codes and tries let through
KIND: Final = "sign_in"  # in the counts
SPENT: Final = "CODES_SPENT"  # in the counts: raise an alarm on it
Answering = Callable[[Request, Visit], Awaitable[Response]]


class SignIn:
    """One per process."""

    def __init__(self, hub: Runtime, figures: Figures) -> None:
        self._figures = figures
        self._hops = hub.settings.proxy_hops
        self._addresses = Buckets(VISITS.share(hub.settings.processes))
        tokens = MemberTokens(hub.settings.key_dir)
        budget = hub.settings.codes_per_hour
        self.desk = Desk(hub.database, hub.resolver, hub.audit, hub.clock, tokens, hub.sender, budget)

    @property
    def paths(self) -> Mapping[str, Callable[[Request], Awaitable[Response]]]:
        return {"/sign-in/code": self.code, "/sign-in/session": self.session, "/sign-in/end": self.end}

    async def code(self, request: Request) -> Response:
        """{phone}: a code is sent; `attempt` goes with it. The same answer for every number, known, unknown or none."""
        return await self._answered(request, "signInCode", self._code)

    async def session(self, request: Request) -> Response:
        """{phone, attempt, code}; where `next` answers that, also {also: {card | unionid | orderNo}} or
        {startNew: true}."""
        return await self._answered(request, "signInSession", self._session)

    async def end(self, request: Request) -> Response:
        """The session of the token in Authorization ends."""
        return await self._answered(request, "signInEnd", self._end)

    async def _code(self, request: Request, visit: Visit) -> Response:
        sent = await _object(request, allowed={"phone"})
        attempt = await self.desk.send_code(_phone(sent), visit)
        return _json({"expiresInS": int(CODE_LIVES.total_seconds()), "attempt": str(attempt)}, visit)

    async def _session(self, request: Request, visit: Visit) -> Response:
        sent = await _object(request, allowed={"phone", "attempt", "code", "also", "startNew"})
        started = await self.desk.start(_wanted(sent), _code_of(sent), visit)
        if started is None:
            return _json({"next": {"also": [second.value for second in Second], "startNew": True}}, visit)
        response = _json(_body(started), visit)
        if started.tasks:
            response.background = BackgroundTask(self.desk.notices.tell, started.tasks)
        return response

    async def _end(self, request: Request, visit: Visit) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        await self.desk.end(token.strip(), visit)
        return _json({"ended": True}, visit)

    async def _answered(self, request: Request, operation: str, work: Answering) -> Response:
        language = Language.preferred(request.headers.get("accept-language"))
        visit = Visit(request.state.request_id, remote_address(request, self._hops), language.value)
        try:
            await self._admit(operation, visit)
            response = await work(request, visit)
        except Refused as refusal:
            answer, status = refused(refusal, language), refusal.status if isinstance(refusal, BadBody) else None
            if isinstance(refusal, CodesSpent):
                self._figures.count(KIND, SPENT)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            answer, status = failed(error, visit.request_id, language), None
        else:
            self._figures.count(KIND, "ok")
            return response
        self._figures.count(KIND, answer.codes[0])
        return respond(answer, JSON, visit.request_id, status=status or status_of(answer, GRAPHQL))

    async def _admit(self, operation: str, visit: Visit) -> None:
        """Before anything is read. Raises Throttled for too many requests, of whatever kind, from one address."""
        wait_s = self._addresses.wait_s(visit.address, 1)
        if wait_s:
            refusal = Throttled(wait_s)
            await self.desk.turn_away(operation, refusal, visit)
            raise refusal
        self._addresses.pour(visit.address, 1)


async def _object(request: Request, *, allowed: set[str]) -> dict[str, Any]:
    """One JSON object with no other members. Raises BadBody and BadInput."""
    body = await read_body(request, bytes_max=SIGN_IN_BYTES_MAX)
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadBody(400, "The body is not JSON in UTF-8.", "请求体不是 UTF-8 编码的 JSON。") from None
    if not isinstance(sent, dict) or not sent.keys() <= allowed:
        raise BadBody(400, "The body is not one JSON object with the known members.", "请求体须为单个 JSON 对象。")
    return sent


def _phone(sent: Mapping[str, Any]) -> str:
    return _text(sent.get("phone"), "phone", PHONE_CHARS_MAX)


def _code_of(sent: Mapping[str, Any]) -> str:
    code = sent.get("code")
    if not isinstance(code, str) or not is_code(code):
        raise BadInput("The code has six digits.", zh="验证码为六位数字。", field="code")
    return code


def _wanted(sent: Mapping[str, Any]) -> Wanted:
    also, starts_new = sent.get("also"), sent.get("startNew", False)
    if not isinstance(starts_new, bool) or (starts_new and also is not None):
        raise BadInput("startNew is true or false, and stands alone.", zh="startNew 须单独使用。", field="startNew")
    return Wanted(_phone(sent), _attempt(sent), None if also is None else _second(also), starts_new)


def _attempt(sent: Mapping[str, Any]) -> UUID:
    attempt = sent.get("attempt")
    try:
        return UUID(attempt if isinstance(attempt, str) else "")
    except ValueError:
        raise BadInput(
            "attempt is what /sign-in/code answered.", zh="attempt 须为请求验证码时返回的值。", field="attempt"
        ) from None


def _second(also: object) -> tuple[Second, str]:
    known = {second.value: second for second in Second}
    if not isinstance(also, dict) or len(also) != 1 or not also.keys() <= known.keys():
        raise BadInput(
            "also names one of card, unionid and orderNo.", zh="also 须为 card、unionid、orderNo 之一。", field="also"
        )
    ((name, value),) = also.items()
    return known[name], _text(value, "also", SECOND_CHARS_MAX)


def _text(value: object, field: str, chars_max: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > chars_max or has_control(value):
        raise BadInput(
            f"{field} is a text of at most {chars_max} characters.", zh="文本缺失、过长或无效。", field=field
        )
    return value


def _body(started: Started) -> dict[str, object]:
    return {
        "accessToken": started.access_token,
        "tokenType": "Bearer",
        "expiresAt": started.expires_at.isoformat(),
        "member": "new" if started.is_new else "known",
    }


def _json(said: Mapping[str, object], visit: Visit) -> Response:
    body = {**said, "extensions": {"requestId": str(visit.request_id)}}
    return Response(orjson.dumps(body), media_type=f"{JSON}; charset=utf-8")
