"""The border of the portal: every operation with another's ids is 404 and leaves nothing; nobody but owners comes in,
and owners come in nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import accepted_order, calendar_of, who
from tests.factories.files import JPEG, make_file
from tests.factories.people import Desk
from tests.factories.portal import Neighbours, make_case, rows
from tests.factories.surveys import answers, make_questionnaire

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import AuthSession
from ownercare_api.owners import changes
from ownercare_api.owners.models import OwnerPhone
from ownercare_api.privacy import service as privacy
from ownercare_api.privacy.lifecycle import RequestKind
from ownercare_api.surveys import own as surveys
from ownercare_api.tickets.lifecycle import Category, TicketStatus
from ownercare_api.workorders import extensions


@dataclass
class Ids:
    """Things of Ben's."""

    unit: UUID
    ticket: UUID
    closed: UUID
    order: UUID
    file: UUID
    response: UUID
    questionnaire: UUID
    phone: UUID
    change: UUID
    request: UUID
    mine: UUID
    """Anna's own home, where another thing in the request is Ben's."""

    def absent(self) -> "Ids":
        """Return ids of nothing, in the same places."""
        kept = {"questionnaire": self.questionnaire, "mine": self.mine}
        return Ids(**{one.name: kept.get(one.name) or uuid7() for one in fields(self)})


@dataclass(frozen=True)
class Attempt:
    """A request with somebody else's id in it, and how it is refused."""

    operation: str
    path: Callable[[Ids], str]
    code: str
    body: Callable[[Ids], dict[str, Any]] | None = None
    form: Callable[[Ids], dict[str, str]] | None = None
    status: int = 404
    empty: bool = False
    """A list, which answers with nothing."""


def _matter(**changes: Any) -> dict[str, Any]:
    return {"category": "repair", "title": "渗水", "description": "渗水。", **changes}


ATTEMPTS = [
    Attempt("my_homes_read", lambda i: f"/homes/{i.unit}", "unit_not_found"),
    Attempt("my_tickets_create", lambda i: "/tickets", "place_not_found", lambda i: _matter(unit_id=str(i.unit))),
    Attempt(
        "my_tickets_create",
        lambda i: "/tickets",
        "phone_not_found",
        lambda i: _matter(unit_id=str(i.mine), phone_id=str(i.phone)),
    ),
    Attempt(
        "my_tickets_create",
        lambda i: "/tickets",
        "file_not_usable",
        lambda i: _matter(unit_id=str(i.mine), file_ids=[str(i.file)]),
        status=422,
    ),
    Attempt("my_tickets_list", lambda i: f"/tickets?unit_id={i.unit}", "", empty=True),
    Attempt("my_tickets_read", lambda i: f"/tickets/{i.ticket}", "ticket_not_found"),
    Attempt("my_tickets_history_list", lambda i: f"/tickets/{i.ticket}/history", "ticket_not_found"),
    Attempt(
        "my_tickets_chase_create",
        lambda i: f"/tickets/{i.ticket}/chase",
        "ticket_not_found",
        lambda i: {"summary": "催"},
    ),
    Attempt(
        "my_tickets_withdrawal_create",
        lambda i: f"/tickets/{i.closed}/withdrawal",
        "ticket_not_found",
        lambda i: {"reason": "不用了"},
    ),
    Attempt("my_work_orders_list", lambda i: f"/work-orders?ticket_id={i.ticket}", "", empty=True),
    Attempt("my_work_orders_list", lambda i: f"/work-orders?unit_id={i.unit}", "", empty=True),
    Attempt("my_work_orders_read", lambda i: f"/work-orders/{i.order}", "work_order_not_found"),
    Attempt(
        "my_work_orders_consent_create",
        lambda i: f"/work-orders/{i.order}/consent",
        "work_order_not_found",
        lambda i: {"consented": True},
    ),
    Attempt(
        "my_work_orders_signature_create",
        lambda i: f"/work-orders/{i.order}/signature",
        "work_order_not_found",
        lambda i: {"satisfaction": 5},
    ),
    Attempt("my_files_list", lambda i: f"/files?ticket_id={i.ticket}", "", empty=True),
    Attempt("my_files_create", lambda i: "/files", "ticket_not_found", form=lambda i: {"ticket_id": str(i.ticket)}),
    Attempt("my_files_create", lambda i: "/files", "unit_not_found", form=lambda i: {"unit_id": str(i.unit)}),
    Attempt("my_files_read", lambda i: f"/files/{i.file}", "file_not_found"),
    Attempt("my_files_content_read", lambda i: f"/files/{i.file}/content", "file_not_found"),
    Attempt("my_files_delete", lambda i: f"/files/{i.file}", "file_not_found"),
    Attempt(
        "my_survey_responses_create",
        lambda i: "/survey-responses",
        "ticket_not_found",
        lambda i: {
            "questionnaire_id": str(i.questionnaire), "ticket_id": str(i.closed), "answers": answers(repair_quality=5),
        },
    ),
    Attempt(
        "my_survey_responses_create",
        lambda i: "/survey-responses",
        "unit_not_found",
        lambda i: {
            "questionnaire_id": str(i.questionnaire), "unit_id": str(i.unit), "answers": answers(repair_quality=5),
        },
    ),
    Attempt("my_survey_responses_list", lambda i: f"/survey-responses?ticket_id={i.closed}", "", empty=True),
    Attempt("my_survey_responses_list", lambda i: f"/survey-responses?unit_id={i.unit}", "", empty=True),
    Attempt("my_survey_responses_read", lambda i: f"/survey-responses/{i.response}", "survey_response_not_found"),
    Attempt("my_looks_list", lambda i: f"/looks?ticket_id={i.ticket}", "", empty=True),
    Attempt("my_sharings_list", lambda i: f"/sharings?ticket_id={i.ticket}", "", empty=True),
    Attempt("my_change_requests_read", lambda i: f"/change-requests/{i.change}", "owner_change_not_found"),
    Attempt(
        "my_change_requests_create",
        lambda i: "/change-requests",
        "phone_not_found",
        lambda i: {"changes": {"remove_phones": [str(i.phone)]}},
    ),
    Attempt(
        "my_change_requests_create",
        lambda i: "/change-requests",
        "file_not_usable",
        lambda i: {"changes": {"home_address": "别处"}, "evidence_file_ids": [str(i.file)]},
        status=422,
    ),
    Attempt(
        "my_change_requests_withdrawal_create",
        lambda i: f"/change-requests/{i.change}/withdrawal",
        "owner_change_not_found",
        lambda i: {"reason": "不改了"},
    ),
    Attempt("my_privacy_requests_read", lambda i: f"/privacy-requests/{i.request}", "privacy_request_not_found"),
    Attempt(
        "my_privacy_requests_withdrawal_create",
        lambda i: f"/privacy-requests/{i.request}/withdrawal",
        "privacy_request_not_found",
    ),
    Attempt(
        "my_privacy_requests_copy_read",
        lambda i: f"/privacy-requests/{i.request}/copy",
        "privacy_request_not_found",
    ),
]  # fmt: skip

WITHOUT_IDS = {
    "my_profile_read", "my_homes_list", "my_questionnaires_list", "my_change_requests_list", "my_consents_read",
    "my_consents_history_list", "my_consents_create", "my_consents_withdrawal_create", "my_privacy_requests_list",
    "my_payment_plans_list",
    "my_privacy_requests_create",
}  # fmt: skip
"""They take no id at all: there is nothing of another's to name."""


def operations(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Return the operations of the portal: method and path by operation id."""
    return {
        str(context.operation_id): (next(iter(context.methods or ())), str(context.path_format))
        for context in iter_route_contexts(app.routes)
        if str(getattr(context, "path_format", "")).startswith("/v1/my/")
    }


@pytest.fixture
async def bens(session: AsyncSession, clock: FakeClock, here: Neighbours, state: AppState) -> Ids:
    """Make one thing of every kind that is Ben's."""
    ticket = await make_case(
        session, here.org, unit=here.other_home, owner=here.ben, received_at=clock(), category=Category.REPAIR
    )
    closed = await make_case(
        session, here.org, unit=here.other_home, owner=here.ben, received_at=clock(), status=TicketStatus.RESOLVED
    )
    order = await accepted_order(session, here.cast, now=clock(), ticket=ticket)
    captain = who(here.cast.captain)
    await extensions.ask(
        session, work_order_id=order.id, reason="缺料", extra_workdays=2, principal=captain, now=clock()
    )
    sheet = await make_questionnaire(session, now=clock())
    principal = here.ben.actor.principal
    assert principal is not None
    response = await surveys.respond(
        session, questionnaire_id=sheet.id, ticket_id=None, unit_id=here.other_home.id,
        answers=[("repair_quality", 5)], principal=principal, now=clock(),
    )  # fmt: skip
    file = await make_file(
        session, project_id=here.org.project.id, uploaded_by=here.ben.actor.id, now=clock(), ticket_id=ticket.id
    )
    (phone,) = await session.scalars(select(OwnerPhone.id).where(OwnerPhone.owner_id == here.ben.id))
    change = await changes.submit_own(
        session, changes={"home_address": "临澜市江晖路 12 号"}, note=None, evidence_file_ids=[], keyring=state.keyring,
        principal=principal, now=clock(),
    )  # fmt: skip
    request = await privacy.ask(
        session, kind=RequestKind.COPY, reason=None, calendar=await calendar_of(session), principal=principal,
        now=clock(),
    )  # fmt: skip
    await session.flush()
    # Logins of this minute, so that the age of the login is not what refuses.
    await session.execute(update(AuthSession).values(created_at=clock()))
    return Ids(
        change=change.id,
        request=request.id,
        unit=here.other_home.id,
        ticket=ticket.id,
        closed=closed.id,
        order=order.id,
        file=file.id,
        response=response,
        questionnaire=sheet.id,
        phone=phone,
        mine=here.home.id,
    )


async def send(client: httpx.AsyncClient, method: str, attempt: Attempt, ids: Ids, headers: dict[str, str]) -> Any:
    """Send an attempt."""
    extra: dict[str, Any] = {}
    if attempt.body is not None:
        extra["json"] = attempt.body(ids)
    if attempt.form is not None:
        extra |= {"data": attempt.form(ids), "files": {"file": ("a.jpg", JPEG, "image/jpeg")}}
    return await client.request(method, f"/v1/my{attempt.path(ids)}", headers=headers, **extra)


def test_every_operation_is_in_the_table(app_shell: FastAPI) -> None:
    assert set(operations(app_shell)) == {attempt.operation for attempt in ATTEMPTS} | WITHOUT_IDS


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("ORG-28")
async def test_what_is_anothers_is_as_if_it_were_not(
    client: httpx.AsyncClient, session: AsyncSession, app_shell: FastAPI, here: Neighbours, bens: Ids
) -> None:
    known = operations(app_shell)
    before = await rows(session)
    for attempt in ATTEMPTS:
        method = known[attempt.operation][0]
        answer = await send(client, method, attempt, bens, here.anna.headers)
        absent = await send(client, method, attempt, bens.absent(), here.anna.headers)
        if attempt.empty:
            assert (answer.status_code, answer.json()["items"]) == (200, []), attempt.operation
            continue
        assert (answer.status_code, answer.json()["code"]) == (attempt.status, attempt.code), attempt.operation
        beside = ("instance", "request_id")
        said, of_nothing = (
            {name: value for name, value in one.json().items() if name not in beside} for one in (answer, absent)
        )
        assert said == of_nothing, attempt.operation
    assert await rows(session) == before


@pytest.mark.rule("OWN-07")
async def test_the_same_requests_are_allowed_to_ben(
    client: httpx.AsyncClient, session: AsyncSession, app_shell: FastAPI, here: Neighbours, bens: Ids
) -> None:
    known = operations(app_shell)
    ours = Ids(**{**bens.__dict__, "mine": bens.unit})
    refused = {}
    for attempt in ATTEMPTS:
        answer = await send(client, known[attempt.operation][0], attempt, ours, here.ben.headers)
        if answer.status_code >= 400:
            refused[attempt.operation, attempt.code] = answer.json()["code"]
    assert refused == {
        # His, but not in a state for it; none of these is the refusal that Anna got.
        ("my_tickets_create", "file_not_usable"): "file_not_usable",  # belongs to another case of his
        ("my_tickets_withdrawal_create", "ticket_not_found"): "wrong_status",
        ("my_work_orders_signature_create", "work_order_not_found"): "wrong_status",
        ("my_files_content_read", "file_not_found"): "file_content_unavailable",
        ("my_files_delete", "file_not_found"): "file_attached",
        ("my_survey_responses_create", "unit_not_found"): "questionnaire_answered",
        ("my_change_requests_create", "phone_not_found"): "primary_phone",
        ("my_privacy_requests_copy_read", "privacy_request_not_found"): "privacy_copy_gone",
        ("my_privacy_requests_withdrawal_create", "privacy_request_not_found"): "wrong_status",  # approved at once
    }


@pytest.mark.rule("OWN-07")
@pytest.mark.rule("ORG-28")
async def test_nobody_but_owners_comes_in(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, app_shell: FastAPI, here: Neighbours, bens: Ids
) -> None:
    manager = await people.staff("general_manager")
    machine = await people.machine("my:read", "my:write")
    captain = here.cast.captain
    known = operations(app_shell)

    def plain(path: str) -> Attempt:
        return Attempt(path, lambda _: path, "")

    bare = [
        (plain("/profile"), "GET"), (plain("/homes"), "GET"), (plain("/questionnaires"), "GET"),
        (plain("/change-requests"), "GET"), (plain("/consents"), "GET"), (plain("/consents/history"), "GET"),
        (plain("/consents/marketing/withdrawal"), "POST"), (plain("/privacy-requests"), "GET"),
        (plain("/payment-plans"), "GET"),
        (Attempt("", lambda _: "/consents", "", lambda _: {"purpose": "marketing", "text_version": "1"}), "POST"),
        (Attempt("", lambda _: "/privacy-requests", "", lambda _: {"kind": "copy"}), "POST"),
    ]  # fmt: skip
    assert len(bare) == len(WITHOUT_IDS)
    before = await rows(session)
    for attempt, method in [*((one, known[one.operation][0]) for one in ATTEMPTS), *bare]:
        for actor, code in ((manager, "missing_scope"), (captain, "missing_scope"), (machine, "not_an_owner")):
            answer = await send(client, method, attempt, bens, actor.headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code), attempt.operation
        nobody = await send(client, method, attempt, bens, {})
        assert nobody.status_code == 401, attempt.operation
    after = await rows(session)
    after["api_client"] = before["api_client"]
    assert after == before


@pytest.mark.rule("ORG-28")
async def test_owners_come_in_nowhere_else(
    client: httpx.AsyncClient, session: AsyncSession, app_shell: FastAPI, here: Neighbours, bens: Ids
) -> None:
    """Every operation of the staff, with an owner's token and ids that exist: refused for the scope, nothing done."""
    document = app_shell.openapi()
    ids = {"ticket_id": bens.ticket, "work_order_id": bens.order, "owner_id": here.ben.id, "unit_id": bens.unit}
    before = await rows(session)
    tried = 0
    for path, item in document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            operation = item.get(method)
            scopes = [scope for one in (operation or {}).get("security", []) for scope in one.get("OwnerCare", [])]
            if operation is None or not scopes or path.startswith("/v1/my/"):
                continue
            filled = path
            for parameter in [part.strip("{}") for part in path.split("/") if part.startswith("{")]:
                filled = filled.replace("{" + parameter + "}", str(ids.get(parameter, bens.ticket)))
            answer = await client.request(
                method.upper(),
                filled,
                headers=here.ben.headers | {"Idempotency-Key": f"{method} {path}", "If-Match": "*"},
                json=None if method == "get" else {},
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), f"{method} {path}"
            tried += 1
    assert tried > 100
    assert await rows(session) == before
