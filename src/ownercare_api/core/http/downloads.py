"""Stored bytes as a download: never shown in the browser's own pages, `Range` and `If-None-Match` understood."""

import os
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse


def download(
    request: Request, *, path: Path, stat: os.stat_result, tag: str, media_type: str, disposition: str
) -> Response:
    """Answer with a file on the disk; `tag` names its content, `disposition` is the whole header."""
    quoted = f'"{tag}"'
    headers = {
        "ETag": quoted,
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "no-store",
    }
    if quoted in request.headers.get("if-none-match", "").replace("W/", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers, stat_result=stat)
