"""/graphql, by POST and, for what is about nobody, by GET: who asks is settled first, then what."""

import logging
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from member_hub.access import (
    Caller,
    Credentials,
    PurposeNotAllowed,
    PurposeRequired,
    TokenClaims,
    Unauthenticated,
    caller_from,
)
from member_hub.db.outages import is_outage
from member_hub.errors import BadInput, Refused, Unavailable
from member_hub.graphql import Answer, Api, Asked, Language, Registered, refused
from member_hub.graphql.problems import Internal, trace_of
from member_hub.runtime import Runtime
from member_hub.throttling import Buckets, Rate, Throttled
from member_hub.web import negotiation
from member_hub.web.address import read_address
from member_hub.web.answers import respond
from member_hub.web.body import BadBody, parse, read_body
from member_hub.web.figures import Figures
from member_hub.web.remote import remote_address
from member_hub.web.undeclared import Undeclared

STRANGERS = Rate(per_s=5, burst=100)  # requests without a good token, per remote address

_log = logging.getLogger(__name__)


class NotAcceptable(BadInput):
    zh = "只提供 application/graphql-response+json 与 application/json。"
    en = "Answers come as application/graphql-response+json or application/json."


class Door:
    """One per process."""

    def __init__(self, hub: Runtime, figures: Figures, credentials: Credentials) -> None:
        self._hub = hub
        self._figures = figures
        self._api = Api(hub)
        self._credentials = credentials
        self._strangers = Buckets(STRANGERS.share(hub.settings.processes))
        self._undeclared = Undeclared(hub)

    async def documents(self) -> Registered:
        """How the folder of trusted documents stands, for readiness."""
        return await self._api.documents()

    async def ask(self, request: Request) -> Response:
        request_id: UUID = request.state.request_id
        language = Language.preferred(request.headers.get("accept-language"))
        media_type = negotiation.chosen(request.headers.get("accept"))
        if media_type is None:
            return respond(refused(NotAcceptable(), language), negotiation.JSON, request_id, status=406)
        status = None
        try:
            stated = (request.headers.get(name) for name in ("authorization", "x-purpose", "x-role"))
            caller = await self.caller(*stated, request=request)
            answer = await self.answer(await _asked(request), caller, language)
        except Refused as refusal:
            answer = refused(refusal, language)
            status = refusal.status if isinstance(refusal, BadBody) else None
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            answer = failed(error, request_id, language)
        self._figures.count(answer.kind, answer.codes[0] if answer.codes else "ok")
        return respond(answer, media_type, request_id, status=status)

    async def caller(
        self, authorization: str | None, purpose: str | None, role: str | None, *, request: Request
    ) -> Caller:
        """Who asks. Raises what Credentials.claims and caller_from raise: 401, 403, and 503 where no keys can be had;
        Throttled for too many bad tokens from one address."""
        stated, request_id = _stated(purpose), request.state.request_id
        try:
            claims = await self._claims(authorization, _stated(role))
            try:
                return self._of(claims, stated, request_id)
            except (PurposeRequired, PurposeNotAllowed) as refusal:
                await self._undeclared.put_on_record(claims, stated, refusal, request_id)
                raise
        except Unauthenticated as refusal:
            raise self._stranger(request) or refusal from None

    async def _claims(self, authorization: str | None, role: str | None) -> TokenClaims:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        return await self._credentials.claims(token.strip(), self._hub.clock.now(), role=role)

    def _of(self, claims: TokenClaims, purpose: str | None, request_id: UUID) -> Caller:
        return caller_from(claims, purpose, self._hub.policies, self._hub.organisation, request_id=request_id)

    def _stranger(self, request: Request) -> Throttled | None:
        """Counts one bad token for the address that it came from; a good one from there is never held up by it."""
        address = remote_address(request, self._hub.settings.proxy_hops)
        wait_s = self._strangers.wait_s(address, 1)
        if wait_s:
            return Throttled(wait_s)
        self._strangers.pour(address, 1)
        return None

    async def answer(self, asked: Asked, caller: Caller, language: Language) -> Answer:
        """What nobody expected ends here as INTERNAL; the log has types and places, never texts."""
        try:
            return await self._api.answer(asked, caller, language)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            return failed(error, caller.request_id, language)


async def _asked(request: Request) -> Asked:
    """Raises BadBody."""
    if request.method in ("GET", "HEAD"):
        return read_address(request.scope["query_string"])
    return parse(await read_body(request))


def failed(error: Exception, request_id: UUID, language: Language) -> Answer:
    """The answer to what nobody expected."""
    _log.error("A request failed: %s, request %s.", " <- ".join(trace_of(error)), request_id)
    return refused(Unavailable() if is_outage(error) else Internal(), language)


def _stated(header: str | None) -> str | None:
    return (header or "").strip() or None
