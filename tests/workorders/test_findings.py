"""Recording what the parties of a survey found (REP-02..04)."""

from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import (
    Cast,
    arranged_survey,
    recorded_survey,
    repair_ticket,
)
from tests.factories.contractors import make_contractor
from tests.factories.files import make_file
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_surveys import SURVEYS, arrangement, found, parties

from ownercare_api.files.models import FilePurpose
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.tickets.models import TicketFirm
from ownercare_api.timeline.models import Event


@pytest.mark.rule("REP-04")
@pytest.mark.rule("REP-02")
async def test_findings_stop_the_clock_at_the_visit(
    session: AsyncSession, client: httpx.AsyncClient, cast: Cast, clock: FakeClock, post: Post
) -> None:
    survey = await arranged_survey(session, cast, now=clock())
    clock.forward(days=3, hours=7)  # Monday 19:00, an hour after the clock ran out
    body = (
        await post(cast.specialist, f"{SURVEYS}/{survey.id}/findings", **found(visited_at="2026-11-23T18:00:00+08:00"))
    ).json()
    assert body["status"] == "recorded"
    assert (body["deadlines"][0]["state"], body["deadlines"][0]["stopped_at"]) == ("met", "2026-11-23T10:00:00Z")
    assert body["estimate_fen"] == 180_000
    assert body["trades"] == ["waterproofing", "tiling"]
    assert [(one["position"], one["amount_fen"], one["work_order_id"]) for one in body["estimate_lines"]] == [
        (1, 120_000, None),
        (2, 60_000, None),
    ]
    assert body["contract_id"] == str(cast.contractor.contract.id)
    assert body["recorded_by"] == str(cast.specialist.id)
    assert body["liability"] is None
    preview = (await client.get(f"{SURVEYS}/{survey.id}/liability", headers=cast.specialist.headers)).json()
    assert (preview["repair_class"], preview["final"]) == ("A", False)
    assert (preview["owner_cover"], preview["contractor_cover"]) == ("in", "in")


@pytest.mark.rule("REP-02")
async def test_a_visit_after_the_limit_is_late(session: AsyncSession, cast: Cast, clock: FakeClock, post: Post) -> None:
    survey = await arranged_survey(session, cast, now=clock())
    clock.forward(days=4)
    late = found(visited_at="2026-11-23T18:00:00.000001+08:00")
    body = (await post(cast.specialist, f"{SURVEYS}/{survey.id}/findings", **late)).json()
    assert body["deadlines"][0]["state"] == "late"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"visited_at": "2026-11-20T04:00:00.000001Z"}, "time_out_of_range"),
        ({"visited_at": "2026-11-20T03:59:59.999999Z"}, "time_out_of_range"),
        ({"contract_id": "0198c5f0-0000-7000-8000-000000000999"}, "party_not_of_project"),
        ({"trades": []}, "validation_failed"),
        ({"trades": ["tiling", "tiling"]}, "validation_failed"),
        ({"trades": ["tiling"]}, "validation_failed"),
        ({"liable_party": "nobody"}, "validation_failed"),
        ({"file_ids": ["0198c5f0-0000-7000-8000-000000000998"]}, "file_not_usable"),
    ],
)
@pytest.mark.rule("REP-04")
async def test_findings_that_can_t_be_are_refused(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    unchanged: Unchanged,
    changes: dict[str, Any],
    code: str,
) -> None:
    survey = await arranged_survey(session, cast, now=clock())
    async with unchanged():
        refused(await post(cast.specialist, f"{SURVEYS}/{survey.id}/findings", **found(**changes)), 422, code)


@pytest.mark.rule("REP-08")
async def test_a_contract_must_cover_the_part(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    other = await make_contractor(session, cast.org, parts={BuildingPart.ELECTRICS: 24})
    survey = await arranged_survey(session, cast, now=clock())
    async with unchanged():
        answer = await post(
            cast.specialist, f"{SURVEYS}/{survey.id}/findings", **found(contract_id=str(other.contract.id))
        )
    refused(answer, 422, "party_not_of_project")


@pytest.mark.rule("REP-02")
async def test_recording_again_clears_the_signatures(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    signed = await post(cast.colleague, f"{SURVEYS}/{survey.id}/signatures", role="customer_service", comment="同意")
    assert "customer_service" not in signed.json()["missing_signatures"]
    again = await post(cast.engineer, f"{SURVEYS}/{survey.id}/findings", **found(liable_party="company"))
    body = again.json()
    assert body["status"] == "recorded"
    assert len(body["missing_signatures"]) == 4
    assert body["parties"][0]["comment"] is None
    assert len(body["estimate_lines"]) == 2
    event = (
        await session.scalars(select(Event).where(Event.kind == "site_survey.recorded").order_by(Event.seq))
    ).all()[-1]
    assert event.data["signatures_cleared"] == ["customer_service"]


@pytest.mark.rule("REP-03")
async def test_an_exempt_contractor_must_sign_after_all_where_the_estimate_reaches_the_amount(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    ticket = await repair_ticket(session, cast, now=clock())
    arranged = await post(cast.specialist, SURVEYS, **arrangement(ticket, expected_cost_fen=100))
    path = f"{SURVEYS}/{arranged.json()['id']}/findings"

    async def contractor(fen: int) -> tuple[bool, str | None, str | None]:
        lines = [{"description": "补漏", "trade": "tiling", "amount_fen": fen}]
        return parties((await post(cast.specialist, path, **found(estimate_lines=lines))).json())["contractor"]

    firm = str(cast.contractor.firm.id)
    assert await contractor(49_999) == (False, "below_exempt_amount", firm)
    assert await contractor(50_000) == (True, None, firm)


async def test_findings_invite_the_contractor_of_the_part_that_was_found(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    electrician = await make_contractor(session, cast.org, parts={BuildingPart.ELECTRICS: 24})
    ticket = await repair_ticket(session, cast, now=clock())
    body = arrangement(ticket)
    del body["building_part"]
    arranged = (await post(cast.specialist, SURVEYS, **body)).json()
    assert parties(arranged)["contractor"] == (True, None, None)
    recorded = await post(cast.specialist, f"{SURVEYS}/{arranged['id']}/findings", **found(building_part="electrics"))
    assert parties(recorded.json())["contractor"] == (True, None, str(electrician.firm.id))
    shared = await session.scalars(select(TicketFirm.firm_id).where(TicketFirm.ticket_id == ticket.id))
    assert electrician.firm.id in set(shared)


async def test_site_photos_are_bound_to_the_case(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await arranged_survey(session, cast, now=clock())
    make = partial(make_file, session, project_id=cast.org.project.id, uploaded_by=cast.specialist.id, now=clock())
    photo = await make()
    wrong = await make(purpose=FilePurpose.RECORDING)
    path = f"{SURVEYS}/{survey.id}/findings"
    async with unchanged():
        refused(await post(cast.specialist, path, **found(file_ids=[str(wrong.id)])), 422, "file_not_usable")
    assert (await post(cast.specialist, path, **found(file_ids=[str(photo.id)]))).status_code == 201
    await session.refresh(photo)
    assert photo.ticket_id == survey.ticket_id
