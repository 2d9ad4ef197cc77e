"""The ASGI application: which path is answered by whom."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from member_hub.access import Credentials
from member_hub.access.member_tokens import ISSUER as MEMBERS
from member_hub.errors import BadInput
from member_hub.graphql import Language, refused
from member_hub.runtime import Runtime
from member_hub.web import negotiation
from member_hub.web.answers import respond
from member_hub.web.door import Door
from member_hub.web.edge import LIVENESS_PATH, Edge
from member_hub.web.figures import Figures
from member_hub.web.freshness import CurrentPolicy, watch_policies
from member_hub.web.health import Readiness, livez
from member_hub.web.notices import NoticePages
from member_hub.web.page import QueryPage, plain_page, style
from member_hub.web.receipts import PATH as RECEIPT_PATH
from member_hub.web.receipts import Receipts
from member_hub.web.sign_in import SignIn

GRAPHQL_PATH = "/graphql"
METHODS = ("GET", "HEAD", "POST")


class NoSuchMethod(BadInput):
    zh = "GraphQL 请求须用 POST；与会员无关的也可用 GET。"
    en = "GraphQL requests are sent by POST, or by GET where they ask nothing about anybody."


def make_app(hub: Runtime) -> ASGIApp:
    """Everything that is served; the query page in development only. No CORS: pages of others read nothing.

    Raises PolicyError where the file of the authorisation servers is not exactly right.
    """
    figures = Figures()
    figures.watch(
        "member_hub_audit_seal_lag_seconds",
        "How old an audit entry without a seal may be.",
        lambda: round(hub.sealer.lag_s(hub.clock.now()), 3),
    )
    figures.watch(
        "member_hub_points_faulty_accounts",
        "Accounts of points that the self-check found not to add up.",
        lambda: hub.points_alarm.accounts or 0,
    )
    watch_policies(hub.policy_keeper, figures)
    sign_in = SignIn(hub, figures)
    own = {MEMBERS: sign_in.desk}
    credentials = Credentials.open(hub.settings, hub.policies.register, hub.organisation, own=own)
    door = Door(hub, figures, credentials)
    routes = [
        Route(GRAPHQL_PATH, door.ask, methods=list(METHODS)),
        Route(RECEIPT_PATH, Receipts(door, figures).download, methods=["GET"]),
        *(Route(path, answer, methods=["POST"]) for path, answer in sign_in.paths.items()),
        Route(LIVENESS_PATH, livez),
        Route("/readyz", Readiness(hub, credentials, door.documents).show),
        Route("/metrics", figures.show),
        *NoticePages(hub).routes,
        Route("/style.css", style),
    ]
    if hub.settings.is_production:
        routes.append(Route("/", plain_page))
    else:
        page = QueryPage(hub, door)
        routes += [Route("/", page.show), Route("/query", page.ask, methods=["POST"])]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refuse})
    return Edge(CurrentPolicy(app, hub.policy_keeper), figures, frozenset(route.path for route in routes))


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path != GRAPHQL_PATH:
        return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
    language = Language.preferred(request.headers.get("accept-language"))
    answer = refused(NoSuchMethod(), language)
    response = respond(answer, negotiation.JSON, request.state.request_id, status=error.status_code)
    response.headers.update({**(error.headers or {}), "Allow": ", ".join(METHODS)})
    return response
