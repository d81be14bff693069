"""The pages /docs (Swagger UI) and /redoc, and the document itself; nothing is loaded from another host.

The scripts and styles are the static files of the wheel `fastapi-offline`; none of its code runs.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi import Path as PathParameter

from ownercare_api.core.errors import NotFound

_DAY, _MINUTES = 86_400, 300
_MEDIA_TYPES: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "redoc.standalone.js": "text/javascript; charset=utf-8",
    "favicon.png": "image/png",
    "swagger-init.js": "text/javascript; charset=utf-8",
    "redoc-init.js": "text/javascript; charset=utf-8",
}
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self'",
        "worker-src 'self' blob:",  # Redoc searches in a worker made from a blob
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
_SWAGGER = {
    "url": "openapi.json",
    "dom_id": "#page",
    "deepLinking": True,
    "displayRequestDuration": True,
    "docExpansion": "none",
    "filter": True,
    "layout": "BaseLayout",
    "showExtensions": True,
    "validatorUrl": None,
}
_REDOC = {"hideDownloadButton": False, "nativeScrollbars": True, "sortTagsAlphabetically": False}
_REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_PAGE = """\
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OwnerCare</title>
<link rel="icon" type="image/png" href="docs/assets/favicon.png">
{head}</head>
<body>
<div id="page"></div>
<script src="docs/assets/{script}"></script>
<script src="docs/assets/{init}"></script>
</body>
</html>
"""

router = APIRouter(include_in_schema=False)


@cache
def asset(name: str) -> bytes:
    """Return one of the files of `/docs/assets`; raises `NotFound`."""
    if name not in _MEDIA_TYPES:
        raise NotFound
    if name == "swagger-init.js":
        presets = "presets: [SwaggerUIBundle.presets.apis]"
        return f"window.ui = SwaggerUIBundle({{...{json.dumps(_SWAGGER)}, {presets}}});\n".encode()
    if name == "redoc-init.js":
        return f'Redoc.init("openapi.json", {json.dumps(_REDOC)}, document.getElementById("page"));\n'.encode()
    spec = find_spec("fastapi_offline")
    if spec is None or not spec.submodule_search_locations:
        raise NotFound
    found = Path(spec.submodule_search_locations[0]) / "static" / name
    if not found.is_file():
        raise NotFound
    # Redoc's footer asks for a picture on its makers' server.
    return found.read_bytes().replace(_REDOC_LOGO, b"docs/assets/favicon.png")


@lru_cache(maxsize=32)
def _packed(body: bytes) -> tuple[str, bytes]:
    """Return a body's digest and the body in gzip."""
    return hashlib.blake2b(body, digest_size=12).hexdigest(), gzip.compress(body, mtime=0)


def _cached(request: Request, body: bytes, *, media_type: str, seconds: int) -> Response:
    # Only here: these answers hold no secret, which could be guessed by the length of what is packed.
    digest, packed = _packed(body)
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{digest}-gzip"' if zipped else f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if media_type.startswith("text/html"):
        headers["Content-Security-Policy"] = _POLICY
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(packed if zipped else body, media_type=media_type, headers=headers)


def _page(request: Request, *, script: str, init: str, head: str = "") -> Response:
    page = _PAGE.format(script=script, init=init, head=head).encode()
    return _cached(request, page, media_type="text/html; charset=utf-8", seconds=_MINUTES)


@router.get("/docs")
async def swagger_page(request: Request) -> Response:
    """Swagger UI: read the document and try it."""
    style = '<link rel="stylesheet" href="docs/assets/swagger-ui.css">\n'
    return _page(request, script="swagger-ui-bundle.js", init="swagger-init.js", head=style)


@router.get("/redoc")
async def redoc_page(request: Request) -> Response:
    """Redoc: the document as a book."""
    return _page(request, script="redoc.standalone.js", init="redoc-init.js")


@router.get("/docs/assets/{name}")
async def docs_asset(request: Request, name: Annotated[str, PathParameter(max_length=40)]) -> Response:
    """One script, style or picture of the two pages."""
    return _cached(request, asset(name), media_type=_MEDIA_TYPES[name], seconds=_DAY)


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The document itself; rendered once."""
    app = cast(FastAPI, request.app)
    text = getattr(app.state, "openapi_text", None)
    if text is None:
        text = app.state.openapi_text = json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()
    return _cached(request, text, media_type="application/json", seconds=_MINUTES)
