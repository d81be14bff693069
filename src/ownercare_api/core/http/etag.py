"""`ETag`, `If-Match`, `If-None-Match`: `"<version>.<hash of the body>"`; only the version counts for writing."""

import hashlib
from typing import Annotated

from fastapi import Depends, Request, Response

from ownercare_api.core.errors import PreconditionRequired, Stale


def put_version(response: Response, version: int) -> None:
    """Say which version the answer shows; the route completes the `ETag` from it."""
    response.headers["ETag"] = str(version)


def complete(request: Request, response: Response) -> Response:
    """Finish the `ETag` with a hash of the body; answer 304 where the caller has the same already."""
    version = response.headers.get("ETag")
    if version is None or version.startswith('"'):
        return response
    tag = f'"{version}.{hashlib.blake2b(bytes(response.body), digest_size=6).hexdigest()}"'
    response.headers["ETag"] = tag
    known = request.headers.get("if-none-match")
    if request.method == "GET" and known and (known.strip() == "*" or tag in known.replace("W/", "")):
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return Response(status_code=304, headers=headers)
    return response


class Precondition:
    """The version that the caller read, from `If-Match`."""

    def __init__(self, raw: str) -> None:
        tags = [tag.strip().removeprefix("W/").strip('"').partition(".")[0] for tag in raw.split(",")]
        self.versions = frozenset(int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 18)
        self.any = raw.strip() == "*"

    def check(self, version: int) -> None:
        """Raise `Stale` unless the caller read this version."""
        if not self.any and version not in self.versions:
            raise Stale


async def _required(request: Request) -> Precondition:
    raw = request.headers.get("if-match")
    if raw is None:
        raise PreconditionRequired
    return Precondition(raw)


IfMatch = Annotated[Precondition, Depends(_required)]
