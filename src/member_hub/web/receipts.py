"""GET /consents/receipts/{id}: the signed receipt of one event as a file, with the token that /graphql takes.

It asks `consentReceipt` in the caller's name, so the same grant, reach, limits and audit entry hold, and nothing is
decided here a second time.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from member_hub.errors import NotFound, Refused
from member_hub.graphql import Answer, Asked, Language, refused
from member_hub.web.answers import respond, status_of
from member_hub.web.door import Door, failed
from member_hub.web.figures import Figures
from member_hub.web.negotiation import GRAPHQL, JSON

PATH: Final = "/consents/receipts/{event_id}"
FILE_NAME: Final = "consent-receipt.jsonld"
MEDIA_TYPE: Final = "application/ld+json"
_DOCUMENT: Final = "query ($event: ID!) { consentReceipt(event: $event) { document } }"


class Receipts:
    """One per process."""

    def __init__(self, door: Door, figures: Figures) -> None:
        self._door = door
        self._figures = figures

    async def download(self, request: Request) -> Response:
        """404 for what is not there and for what is not in reach, alike."""
        language = Language.preferred(request.headers.get("accept-language"))
        answer = await self._answer(request, language)
        found = (answer.data or {}).get("consentReceipt")
        if found is None and not answer.errors:
            answer = refused(NotFound(), language)
        self._figures.count("query", answer.codes[0] if answer.codes else "ok")
        if found is None:
            status = 404 if answer.codes == [NotFound.code] else status_of(answer, GRAPHQL)
            return respond(answer, JSON, request.state.request_id, status=status)
        disposition = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        return Response(found["document"].encode(), media_type=MEDIA_TYPE, headers=disposition)

    async def _answer(self, request: Request, language: Language) -> Answer:
        event = request.path_params["event_id"]
        try:
            stated = (request.headers.get(name) for name in ("authorization", "x-purpose", "x-role"))
            caller = await self._door.caller(*stated, request=request)
        except Refused as refusal:
            return refused(refusal, language)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            return failed(error, request.state.request_id, language)
        return await self._door.answer(Asked(_DOCUMENT, None, {"event": event}, is_ours=True), caller, language)
