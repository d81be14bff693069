"""What operations of one kind declare alike, for the routers of every room: a router names only what is its own.

    @router.get(
        "/tickets/{ticket_id}",
        **reads("tickets_read", "Read a ticket (工单详情)", TicketNotFound, rules=("CMP-05",), model=TicketRead),
    )

The functions are called as operation ids end: `lists`, `reads`, `creates`, `updates`, `deletes`. `Steps` declares those
of a life cycle from its transition table, `downloads` what answers with a file, `operation` what is none of these.

What comes with a body, a cursor, an `Idempotency-Key`, `If-Match` or the database nobody names: `openapi.py` adds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.idempotency import KeyRequired
from ownercare_api.core.http.problems import problems
from ownercare_api.core.lifecycle import Lifecycle, WrongStatus
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.identity.tokens import InvalidToken

Refusal = type[DomainError]
Declaration = dict[str, Any]
"""Keyword arguments of `router.get`, `.post`, …"""


def operation(
    operation_id: str,
    summary: str,
    *refusals: Refusal,
    rules: Iterable[str],
    model: Any = None,
    status: int = 200,
    anyone: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Declaration:
    """Declare an operation of a known caller; `anyone`: it needs no scope. `extra` goes into the document as it is."""
    caller: tuple[Refusal, ...] = (InvalidToken,) if anyone else (InvalidToken, MissingScope)
    made: Declaration = {
        "operation_id": operation_id,
        "summary": summary,
        "status_code": status,
        "responses": problems(*caller, *refusals),
        "openapi_extra": {"x-rules": list(rules), **(extra or {})},
    }
    return made if model is None else made | {"response_model": model}


def reads(
    operation_id: str, summary: str, *refusals: Refusal, rules: Iterable[str], model: Any, anyone: bool = False
) -> Declaration:
    """Declare a look at one thing."""
    return operation(operation_id, summary, *refusals, rules=rules, model=model, anyone=anyone)


def lists(
    operation_id: str, summary: str, *refusals: Refusal, rules: Iterable[str], model: Any, anyone: bool = False
) -> Declaration:
    """Declare a list that is read page by page."""
    return operation(operation_id, summary, *refusals, rules=rules, model=model, anyone=anyone)


def downloads(
    operation_id: str, summary: str, *refusals: Refusal, rules: Iterable[str], what: str, media: Iterable[str]
) -> Declaration:
    """Declare what answers with a file: `what` it is, and of which `media` types it may be."""
    made = operation(operation_id, summary, *refusals, rules=rules)
    content = {kind: {"schema": {"type": "string"}} for kind in media}
    made["responses"] |= {200: {"description": what, "content": content}}
    return made


def creates(
    operation_id: str,
    summary: str,
    *refusals: Refusal,
    rules: Iterable[str],
    model: Any,
    one_of: Iterable[str] = (),
) -> Declaration:
    """Declare what makes something new. `one_of`: the body decides which of these scopes the caller needs besides."""
    extra = _one_of(one_of)
    return operation(operation_id, summary, *refusals, rules=rules, model=model, status=201, extra=extra)


def updates(operation_id: str, summary: str, *refusals: Refusal, rules: Iterable[str], model: Any) -> Declaration:
    """Declare a change of the version that the caller read (`If-Match`)."""
    return operation(operation_id, summary, OutOfReach, *refusals, rules=rules, model=model)


def deletes(operation_id: str, summary: str, *refusals: Refusal, rules: Iterable[str]) -> Declaration:
    """Declare what takes something away and answers 204."""
    return operation(operation_id, summary, *refusals, rules=rules, status=204)


@dataclass(frozen=True, slots=True)
class Steps:
    """Declares the steps of a life cycle, each a sub-resource that is POSTed and answers with the whole `model`.

    _step = Steps("work_orders", WORK_ORDER_LIFECYCLE, model=WorkOrderRead, missing=(WorkOrderNotFound,))

    @router.post("/rework", **_step("rework", "Send back for rework (返工)"))
    """

    resource: str
    """How the operation ids begin."""
    lifecycle: Lifecycle[Any]
    """A step must stand in its table, and has its rules from there."""
    model: Any
    missing: tuple[Refusal, ...]
    """What is refused where the subject is not there, or the caller may not see it."""

    def __call__(
        self,
        name: str,
        summary: str,
        *refusals: Refusal,
        rules: Iterable[str] | None = None,
        one_of: Iterable[str] = (),
        keyed: bool = False,
    ) -> Declaration:
        """Declare one step. `rules` where they are not the table's, `one_of` as for `creates`; `keyed`: it moves money
        and needs an `Idempotency-Key`. Raises `KeyError` for a step that the table does not know."""
        common: tuple[Refusal, ...] = (OutOfReach, *self.missing, WrongStatus)
        made = operation(
            f"{self.resource}_{name.replace('-', '_').replace('/', '_')}_create",
            summary,
            *common,
            *refusals,
            rules=self.lifecycle.steps[name].rules if rules is None else rules,
            model=self.model,
            status=201,
            extra=_one_of(one_of),
        )
        return made | {"dependencies": [KeyRequired]} if keyed else made


def _one_of(scopes: Iterable[str]) -> Mapping[str, Any]:
    found = list(scopes)
    return {"x-scopes-one-of": found} if found else {}
