"""Finds the routers that may answer a path by its first word, so that not every route of the house is tried in turn."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fastapi import FastAPI
from fastapi.routing import APIRouter, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send


class RouteIndex:
    """Stands before an application's router, and leaves every decision to routers of the same routes."""

    def __init__(self, router: APIRouter, told: Mapping[int, frozenset[str] | None]) -> None:
        self._all = router
        self._told = told
        self._by_word: dict[str, APIRouter] = {}
        self._others = router
        self._routes: list[BaseRoute] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; those that have no path, by the whole router."""
        if scope["type"] != "http" or scope.get("root_path"):
            await self._all.app(scope, receive, send)
            return
        if self._routes != self._all.routes:
            self._build()
        scope["router"] = self._all
        await self._by_word.get(_word(scope["path"]), self._others).app(scope, receive, send)

    def _build(self) -> None:
        """Sort the routes by the word after the version, in their order; one without such a word is tried always."""
        words = [
            self._told[id(route)] if id(route) in self._told else _words(iter_route_contexts([route]))
            for route in self._all.routes
        ]
        found: dict[str, list[BaseRoute]] = defaultdict(list)
        for word in frozenset().union(*(some for some in words if some is not None)):
            found[word] = [
                route for route, some in zip(self._all.routes, words, strict=True) if some is None or word in some
            ]
        self._by_word = {word: self._part(routes) for word, routes in found.items()}
        self._others = self._part([route for route, some in zip(self._all.routes, words, strict=True) if some is None])
        self._routes = list(self._all.routes)

    def _part(self, routes: Sequence[BaseRoute]) -> APIRouter:
        part = APIRouter(redirect_slashes=False, default=self._all.default)
        part.routes.extend(routes)
        return part


def _word(path: str) -> str:
    """Return what stands after the version: `tickets` of `/v1/tickets/…`."""
    parts = path.split("/", 3)
    return parts[2] if len(parts) > 2 else ""


def _words(routes: Iterable[object]) -> frozenset[str] | None:
    """Return the words of some routes' paths; None where one of them may begin with anything."""
    found = set()
    for route in routes:
        parts = str(getattr(route, "path_format", None) or "").split("/", 3)
        if len(parts) < 3 or parts[0] or "{" in parts[1] + parts[2]:
            return None
        found.add(parts[2])
    return frozenset(found) or None


def include(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Include finished routers under their own paths, and put the index before the application's router.

    What their paths begin with is read off the routers: asking FastAPI for the included routes would build the
    parameters and models of all of them, a second's work that the first request would wait for.
    """
    told: dict[int, frozenset[str] | None] = {}
    for router in routers:
        known = len(app.router.routes)
        app.include_router(router)
        told |= {id(route): _words(router.routes) for route in app.router.routes[known:]}
    app.router.middleware_stack = RouteIndex(app.router, told)
