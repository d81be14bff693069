"""The name of an owner whose record is restricted (限制处理, PIPL art. 44, 47) stands nowhere in clear, for nobody but
who handles the requests of the persons concerned: every GET operation is asked, by people who may do all else."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from tests.access import matrix
from tests.access.callers import Column
from tests.access.calling import Answer, Request, ask
from tests.access.stage import Stage
from tests.access.world import Place
from tests.factories.people import Actor

from ownercare_api.core.ids import uuid7
from ownercare_api.core.names import mask_name, name_sort_key
from ownercare_api.identity.models import GrantLevel, RoleGrant
from ownercare_api.identity.roles import ROLES
from ownercare_api.owners.looks import CaseLooks
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.surveys.models import SurveyResponse
from ownercare_api.tickets.models import RegisterEntry, Ticket
from ownercare_api.workorders.models import CompletionSignature, Extension, WorkOrder

CANARY = "公冶照夜"
MASKED = mask_name(CANARY)
MANAGE = "privacy:manage"
NOT_STAFFS = ("owner", "property_company_manager", "repair_captain", "repair_worker", "contractor_representative")
TELLS = {
    "tickets_list", "tickets_read", "register_entries_list", "owners_list", "owners_read", "owners_page_read",
    "ownerships_read", "owner_change_requests_list", "owner_change_requests_read", "information_audits_list",
    "units_households_list", "households_read", "work_orders_read", "survey_responses_read",
}  # fmt: skip
"""The operations that are known to answer the name of an owner who has restricted nothing."""


async def _everything_but(stage: Stage, *, without: str | None) -> Column:
    """Return a person with every staff role, company-wide, that does not bring the scope."""
    world = stage.world
    roles = [name for name, role in ROLES.items() if name not in NOT_STAFFS and without not in role.scopes]
    actor = await world.people.staff(roles[0])
    start = world.now - timedelta(days=1)
    world.session.add_all(
        RoleGrant(id=uuid7(), account_id=actor.id, role=name, level=GrantLevel.COMPANY, target_id=None, starts_at=start)
        for name in roles[1:]
    )
    await world.session.flush()
    return Column("everything", actor, None, actor.headers)


async def _plant(stage: Stage, place: Place) -> None:
    """Write the canary wherever a name of the owner, or of who called for him, is kept in a field of its own."""
    session, owner_id = stage.world.session, place.things["owner"]
    await session.execute(
        update(Owner).where(Owner.id == owner_id).values(name=CANARY, name_sort=name_sort_key(CANARY), checked_on=None)
    )
    orders = [place.things[name] for name in ("order_signed_off_ticket", "order_extension_ticket")]
    await session.execute(update(Ticket).where(Ticket.id.in_(orders)).values(owner_id=owner_id))
    await session.execute(
        update(Extension)
        .where(Extension.work_order_id == place.things["order_extension"])
        .values(consented=True, answered_at=stage.world.now, consent_channel="phone", consent_by=CANARY)
    )
    cases = select(Ticket.id).where(Ticket.owner_id == owner_id)
    jobs = select(WorkOrder.id).where(WorkOrder.ticket_id.in_(cases))
    for statement in (
        update(Ticket).where(Ticket.owner_id == owner_id).values(caller_name=CANARY),
        update(RegisterEntry).where(RegisterEntry.ticket_id.in_(cases)).values(caller_name=CANARY),
        update(CompletionSignature)
        .where(CompletionSignature.work_order_id.in_(jobs), CompletionSignature.seat == "owner")
        .values(signed_by_name=CANARY),
        update(SurveyResponse).where(SurveyResponse.ticket_id.in_(cases)).values(respondent_name=CANARY),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))
    await session.flush()
    session.expire_all()


async def _restrict(stage: Stage, place: Place) -> None:
    values = {"restricted_at": stage.world.now}
    await stage.world.session.execute(update(Owner).where(Owner.id == place.things["owner"]).values(values))
    stage.world.session.expire_all()


def _requests(stage: Stage) -> list[tuple[str, Request]]:
    """Return every GET of the matrix that aims at the place's own things, and every list as it is."""
    known, cases = matrix.operations(), matrix.cases()
    found = []
    for name, operation in known.items():
        if operation.method != "GET" or name not in cases:
            continue  # that no operation is without a case is another test's
        rows = [one for one in matrix.rows(stage.world, operation, cases[name]) if one.place.letter == "O"]
        found += [(name, one.request) for one in rows if one.relation.rpartition("=")[2] in ("own", "all")]
    for name in ("order_signed_off", "order_extension"):
        found.append(("work_orders_read", Request("GET", f"/v1/work-orders/{stage.world.places['O'].things[name]}")))
    return found


async def _untraced(stage: Stage, column: Column, requests: list[tuple[str, Request]], *, owner_id: UUID) -> set[str]:
    """Return the operations that tell the canary and leave no look at the owner on record."""
    count = select(func.count()).select_from(OwnerLook).where(OwnerLook.owner_ids.contains([owner_id]))
    found = set()
    for name, request in requests:
        stage.state.parts[CaseLooks] = CaseLooks()  # the same look within the hour is one entry
        before = await stage.world.session.scalar(count)
        answer = await _ask(stage, column, request)
        if _holds(answer) and await stage.world.session.scalar(count) == before:
            found.add(name)
    return found


async def _tell(stage: Stage, column: Column, requests: list[tuple[str, Request]]) -> tuple[set[str], int]:
    """Return the operations whose answers hold the canary, and how many answered well."""
    told, answered = set(), 0
    for name, request in requests:
        answer = await _ask(stage, column, request)
        assert answer.status < 500, (name, answer.body[:300])
        answered += answer.status == 200
        if _holds(answer):
            told.add(name)
    return told, answered


async def _ask(stage: Stage, column: Column, request: Request) -> Answer:
    sent = {**request.headers, **column.headers}
    return await ask(stage.app, Request(request.method, request.path, request.query, sent, request.body))


def _holds(answer: Answer) -> bool:
    text = answer.body.decode("utf-8", "replace") + json.dumps(dict(answer.headers))
    return CANARY in text or json.dumps(CANARY)[1:-1] in text


@pytest.fixture
async def planted(stage: Stage) -> AsyncIterator[Place]:
    point = await stage.connection.begin_nested()
    place = stage.world.places["O"]
    await _plant(stage, place)
    yield place
    await point.rollback()
    stage.world.session.expire_all()
    stage.forget()


@pytest.mark.slow
@pytest.mark.rule("OWN-07")
async def test_every_operation_that_tells_an_owners_name_leaves_a_look(stage: Stage, planted: Place) -> None:
    requests = _requests(stage)
    colleague = await _everything_but(stage, without=MANAGE)
    assert await _untraced(stage, colleague, requests, owner_id=planted.things["owner"]) == set()


@pytest.mark.slow
@pytest.mark.rule("OWN-07")
async def test_no_operation_tells_the_name_of_a_restricted_owner(stage: Stage, planted: Place) -> None:
    requests = _requests(stage)
    colleague = await _everything_but(stage, without=MANAGE)
    officer = await _everything_but(stage, without=None)
    before, answered = await _tell(stage, colleague, requests)
    assert before >= TELLS
    assert answered >= 0.6 * len(requests)
    await _restrict(stage, planted)
    others = [one for one in stage.callers.columns if one.name in NOT_STAFFS[1:]]
    others += [Column("co-owner", one, None, one.headers) for one in [await _co_owner(stage, planted)]]
    for column in [colleague, *others]:
        told, _ = await _tell(stage, column, requests)
        assert told == set(), column.name
    told, _ = await _tell(stage, officer, requests)
    assert told >= TELLS - {"owners_list"}  # lists of owners are masked for everybody
    own, _ = await _tell(stage, next(one for one in stage.callers.columns if one.name == "owner"), requests)
    assert "my_profile_read" in own


async def _co_owner(stage: Stage, place: Place) -> Actor:
    return await stage.world.people.owner(place.things["twin"])
