"""POST /graphql: who asks is settled first, then what."""

import logging
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from member_hub.access import Caller, DevelopmentTokens, TokenClaims, Unauthenticated, caller_from, issuer_of
from member_hub.access.member_tokens import ISSUER as MEMBERS
from member_hub.errors import BadInput, Refused, Unavailable
from member_hub.graphql import Answer, Api, Asked, Language, refused
from member_hub.graphql.problems import OUTAGES, Internal, trace_of
from member_hub.runtime import Runtime
from member_hub.sign_in import Desk
from member_hub.web import negotiation
from member_hub.web.answers import respond
from member_hub.web.body import BadBody, parse, read_body
from member_hub.web.figures import Figures

_log = logging.getLogger(__name__)


class NotAcceptable(BadInput):
    zh = "只提供 application/graphql-response+json 与 application/json。"
    en = "Answers come as application/graphql-response+json or application/json."


class Door:
    """One per process."""

    def __init__(self, hub: Runtime, figures: Figures, desk: Desk) -> None:
        self._hub = hub
        self._desk = desk
        self._figures = figures
        self._api = Api(hub)
        self._tokens = DevelopmentTokens.open(hub.settings)

    async def post(self, request: Request) -> Response:
        request_id: UUID = request.state.request_id
        language = Language.preferred(request.headers.get("accept-language"))
        media_type = negotiation.chosen(request.headers.get("accept"))
        if media_type is None:
            return respond(refused(NotAcceptable(), language), negotiation.JSON, request_id, status=406)
        status = None
        try:
            caller = await self.caller(
                request.headers.get("authorization"), request.headers.get("x-purpose"), request_id
            )
            answer = await self.answer(parse(await read_body(request)), caller, language)
        except Refused as refusal:
            answer = refused(refusal, language)
            status = refusal.status if isinstance(refusal, BadBody) else None
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            answer = failed(error, request_id, language)
        self._figures.count(answer.kind, answer.codes[0] if answer.codes else "ok")
        return respond(answer, media_type, request_id, status=status)

    async def caller(self, authorization: str | None, purpose: str | None, request_id: UUID) -> Caller:
        """Raises Unauthenticated, PurposeRequired or PurposeNotAllowed."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        claims = await self._claims(token.strip())
        return caller_from(
            claims, (purpose or "").strip() or None, self._hub.policies, self._hub.organisation, request_id=request_id
        )

    async def _claims(self, token: str) -> TokenClaims:
        now = self._hub.clock.now()
        if issuer_of(token) == MEMBERS:
            return await self._desk.claims(token, now)
        return self._tokens.verify(token, now)

    async def answer(self, asked: Asked, caller: Caller, language: Language) -> Answer:
        """What nobody expected ends here as INTERNAL; the log has types and places, never texts."""
        try:
            return await self._api.answer(asked, caller, language)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            return failed(error, caller.request_id, language)


def failed(error: Exception, request_id: UUID, language: Language) -> Answer:
    """The answer to what nobody expected."""
    _log.error("A request failed: %s, request %s.", " <- ".join(trace_of(error)), request_id)
    return refused(Unavailable() if isinstance(error, OUTAGES) else Internal(), language)
