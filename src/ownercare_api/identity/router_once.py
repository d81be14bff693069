"""Answers that hold a secret: whoever repeats the request with its key gets the same answer without it."""

import dataclasses
import json

from fastapi import Request, Response

from ownercare_api.core.http.idempotency import Reservation


class _WithoutSecret(Reservation):
    """Keeps the answer with one field blank, so that the secret is stored nowhere, not even encrypted."""

    field: str

    async def keep(self, response: Response) -> None:
        """Store the answer."""
        body = json.loads(bytes(response.body)) | {self.field: None}
        blank = Response(json.dumps(body, ensure_ascii=False), status_code=response.status_code)
        blank.raw_headers = [pair for pair in response.raw_headers if pair[0] != b"content-length"]
        await super().keep(blank)


def shown_once(request: Request, field: str) -> None:
    """Keep a field of this request's answer out of the stored answers."""
    reservation: Reservation | None = getattr(request.state, "reservation", None)
    if reservation is not None:
        fields = {one.name: getattr(reservation, one.name) for one in dataclasses.fields(Reservation)}
        kept = _WithoutSecret(**fields)
        kept.field = field
        request.state.reservation = kept
