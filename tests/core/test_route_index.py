"""The index before the router decides nothing: every path and method meets the route that the whole router meets."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from ownercare_api.core.http import route_index
from ownercare_api.core.http.route_index import RouteIndex

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


async def asked(router: Any, method: str, path: str) -> tuple[int, Any, Any]:
    """Ask without middleware; return the status, who answers and the header `allow`."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "state": {},
    }
    got: dict[str, Any] = {}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        got.update(message)

    await AsyncExitStackMiddleware(router)(scope, receive, send)
    allow = dict(got["headers"]).get(b"allow", b"")
    return got["status"], scope.get("endpoint"), sorted(allow.split(b", "))


def small() -> FastAPI:
    """Make an application whose routers share words, have none, or hold whatever comes."""
    things, more, any_word, pages = APIRouter(prefix="/v1"), APIRouter(prefix="/v1"), APIRouter(), APIRouter()

    def endpoint(name: str) -> Any:
        def answer() -> str:
            return name

        return answer

    things.add_api_route("/things/{thing_id}", endpoint("thing"), methods=["GET"])
    things.add_api_route("/parts", endpoint("parts"), methods=["GET"])
    more.add_api_route("/things/{thing_id}", endpoint("change"), methods=["PATCH"])
    more.add_api_route("/things/count", endpoint("count"), methods=["GET"])
    any_word.add_api_route("/v1/{word}/history", endpoint("history"), methods=["GET"])
    pages.add_api_route("/page", endpoint("page"), methods=["GET"])
    app = FastAPI(redirect_slashes=False, openapi_url=None)
    route_index.include(app, (things, more, any_word, pages))
    app.router.routes.append(Mount("/mounted", app=FastAPI(openapi_url=None)))
    return app


PATHS = [
    "/v1/things/7",
    "/v1/things/count",
    "/v1/things",
    "/v1/things/",
    "/v1/things/7/x",
    "/v1/parts",
    "/v1/parts/",
    "/v1/parts/history",
    "/page",
    "/",
    "/v1/nothing/history",
    "/v1",
    "/v2/things/7",
    "//v1/things/7",
    "/V1/things/7",
    "/mounted/docs",
    "/mounted",
]


@pytest.mark.parametrize("path", ["", *PATHS])
async def test_routers_that_share_words(path: str) -> None:
    app = small()
    for method in METHODS:
        for index in (app.router, RouteIndex(app.router, {})):
            assert await asked(index, method, path) == await asked(app.router.app, method, path), (method, path)


async def test_a_route_that_is_added_later_is_found() -> None:
    app = small()
    assert (await asked(app.router, "GET", "/v1/late"))[0] == 404
    late = APIRouter()
    late.add_api_route("/v1/late", lambda: "late", methods=["GET"])
    app.include_router(late)
    assert (await asked(app.router, "GET", "/v1/late"))[0] == 200


def test_every_path_of_the_house_is_looked_up_among_all_that_could_answer_it(app_shell: FastAPI) -> None:
    index = app_shell.router.middleware_stack
    assert isinstance(index, RouteIndex)
    index._build()
    assert len(index._by_word) > 40
    for router in app_shell.router.routes:
        for context in iter_route_contexts([router]):
            path = (context.path_format or "").replace("{", "").replace("}", "")
            found = index._by_word.get(route_index._word(path), index._others)
            assert router in found.routes, context.path_format
    largest = max(len(part.routes) for part in index._by_word.values())
    assert largest < len(app_shell.router.routes) / 3
