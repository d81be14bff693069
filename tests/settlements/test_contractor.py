"""Class A and its contractor: notice, answer, silence, dispute (FIN-07, reading 11)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.contractors import make_contractor
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, everything, finished_order, refused

from ownercare_api.identity.principal import SYSTEM
from ownercare_api.settlements.confirmation import deem_confirmed_when_silent
from ownercare_api.tickets.models import TicketFirm
from ownercare_api.timeline.models import Event

FIVE_WORKDAYS = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
"""Closing time of the fifth working day after Friday 2026-11-20."""
INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def settlement(steps: Steps, site: Site, session: AsyncSession, clock: FakeClock) -> dict[str, Any]:
    """Give a class A settlement of 1,000.00 that was just written."""
    return await steps.settlement(await finished_order(session, site, now=clock()), 60_000, 40_000)


def path_of(settlement: dict[str, Any], step: str = "") -> str:
    return f"/v1/settlements/{settlement['id']}{'/' if step else ''}{step}"


async def events_of(session: AsyncSession, settlement: dict[str, Any]) -> list[str]:
    query = select(Event.kind).where(Event.subject_id == UUID(settlement["id"])).order_by(Event.seq)
    return list(await session.scalars(query))


@pytest.mark.rule("FIN-07")
async def test_the_contractor_sees_a_settlement_from_the_notice_on(
    steps: Steps, site: Site, session: AsyncSession, settlement: dict[str, Any]
) -> None:
    unseen = await steps.client.get(path_of(settlement), headers=site.builder.headers)
    assert (unseen.status_code, unseen.json()["code"]) == (404, "settlement_not_found")
    assert (await steps.read("/v1/settlements", site.builder))["items"] == []
    await refused(
        steps,
        session,
        path_of(settlement, "contractor-confirmation"),
        site.builder,
        {"decision": "confirmed"},
        status=404,
        code="settlement_not_found",
    )
    notified = await steps.notified(settlement)
    assert (notified["status"], notified["notified_at"]) == ("notified", "2026-11-20T04:00:00Z")
    (clock_,) = notified["deadlines"]
    assert (clock_["kind"], clock_["rule"], clock_["state"]) == ("contractor_confirmation", "FIN-07", "running")
    assert datetime.fromisoformat(clock_["due_at"]) == FIVE_WORKDAYS
    assert notified["allowed_actions"] == []  # the auditor may remind only once the time is over
    seen = await steps.read(path_of(settlement), site.builder)
    assert seen["allowed_actions"] == ["contractor-confirmation"]
    assert [line["audited_amount_fen"] for line in seen["lines"]] == [60_000, 40_000]
    shared = select(TicketFirm.firm_id).where(TicketFirm.ticket_id == site.ticket.id)
    assert site.contractor.firm.id in set(await session.scalars(shared))
    firms = select(Event.firm_id).where(Event.kind == "settlement.notified")
    assert list(await session.scalars(firms)) == [site.contractor.firm.id]
    await refused(
        steps, session, path_of(settlement, "contractor-notice"), site.auditor, status=409, code="wrong_status"
    )


@pytest.mark.rule("FIN-07")
async def test_only_the_audit_department_notifies_and_only_the_contractor_answers(
    steps: Steps, site: Site, session: AsyncSession, people: Desk, settlement: dict[str, Any]
) -> None:
    await refused(
        steps, session, path_of(settlement, "contractor-notice"), site.clerk, status=403, code="missing_scope"
    )
    await steps.notified(settlement)
    path, body = path_of(settlement, "contractor-confirmation"), {"decision": "confirmed"}
    await refused(steps, session, path, site.auditor, body, status=403, code="missing_scope")
    ours = await people.staff("contractor_representative")  # granted company-wide by mistake
    await refused(steps, session, path, ours, body, status=403, code="not_the_contractor")
    other = await make_contractor(session, site.org)
    stranger = await people.firm_user("contractor_representative", firm_id=other.firm.id)
    await refused(steps, session, path, stranger, body, status=404, code="settlement_not_found")
    property_manager = await people.firm_user("property_company_manager", firm_id=site.company.firm.id)
    assert (await steps.read(path_of(settlement), property_manager))["allowed_actions"] == []
    confirmed = await steps.answered(settlement)
    assert (confirmed["status"], confirmed["contractor_answer"]) == ("confirmed", "confirmed")
    assert [clock_["state"] for clock_ in confirmed["deadlines"]] == ["met"]
    (reply,) = confirmed["replies"]
    assert (reply["round"], reply["asked_fen"], reply["answered_by"]) == (1, 100_000, str(site.builder.id))
    await refused(steps, session, path, site.builder, body, status=409, code="wrong_status")
    assert (await steps.certified(settlement))["status"] == "certified"


@pytest.mark.rule("FIN-07")
@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"decision": "partly", "reason": "x"}, "#", "amount_with_partly"),
        ({"decision": "confirmed", "confirmed_amount_fen": 5}, "#", "amount_with_partly"),
        ({"decision": "refused", "confirmed_amount_fen": 5, "reason": "x"}, "#", "amount_with_partly"),
        ({"decision": "partly", "confirmed_amount_fen": 5}, "#", "reason_missing"),
        ({"decision": "refused"}, "#", "reason_missing"),
        ({"decision": "deemed"}, "#", "not_an_answer"),
        ({"decision": "partly", "confirmed_amount_fen": 0, "reason": "x"}, "#/confirmed_amount_fen", None),
        (
            {"decision": "partly", "confirmed_amount_fen": 100_000, "reason": "x"},
            "#/confirmed_amount_fen",
            "part_is_not_less",
        ),
    ],
)
async def test_answers_that_make_no_sense(
    steps: Steps,
    site: Site,
    session: AsyncSession,
    settlement: dict[str, Any],
    body: dict[str, Any],
    pointer: str,
    code: str | None,
) -> None:
    await steps.notified(settlement)
    before = await everything(session)
    answer = await steps.post(path_of(settlement, "contractor-confirmation"), site.builder, body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert code in (None, fault["code"])
    assert await everything(session) == before


@pytest.mark.rule("FIN-07")
async def test_silence_through_both_terms_is_deemed_confirmation_and_not_a_moment_earlier(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, settlement: dict[str, Any]
) -> None:
    await steps.notified(settlement)
    remind, deem = path_of(settlement, "reminder"), path_of(settlement, "deemed-confirmation")
    clock.now = FIVE_WORKDAYS  # its due time itself is still the contractor's
    await refused(steps, session, remind, site.auditor, status=409, code="contractor_still_in_time")
    clock.now = FIVE_WORKDAYS + INSTANT
    assert (await steps.read(path_of(settlement), site.auditor))["allowed_actions"] == ["reminder"]
    await refused(steps, session, deem, site.auditor, status=409, code="wrong_status")
    reminded = await steps.done(remind, site.auditor)
    assert reminded["status"] == "reminded"
    last = datetime(2026, 12, 2, 10, 0, tzinfo=UTC)  # three working days after Friday the 27th
    assert [(item["kind"], item["state"]) for item in reminded["deadlines"]] == [
        ("contractor_confirmation", "overdue"),
        ("contractor_reminder", "running"),
    ]
    assert datetime.fromisoformat(reminded["deadlines"][1]["due_at"]) == last
    await refused(steps, session, remind, site.auditor, status=409, code="wrong_status")
    clock.now = last
    await refused(steps, session, deem, site.auditor, status=409, code="contractor_still_in_time")
    assert await deem_confirmed_when_silent(session, now=clock()) == 0
    clock.now = last + INSTANT
    deemed = await steps.done(deem, site.auditor)
    assert (deemed["status"], deemed["contractor_answer"]) == ("deemed_confirmed", "deemed")
    assert [item["state"] for item in deemed["deadlines"]] == ["late", "late"]
    (reply,) = deemed["replies"]
    assert (reply["answer"], reply["answered_by"]) == ("deemed", str(site.auditor.id))
    assert [kind for kind in await events_of(session, settlement) if kind.startswith("settlement")] == [
        "settlement.written",
        "settlement.notified",
        "settlement.reminded",
        "settlement.deemed_confirmed",
    ]
    assert (await steps.certified(settlement))["status"] == "certified"


@pytest.mark.rule("FIN-07")
async def test_the_system_deems_the_silent_ones_by_itself(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, settlement: dict[str, Any]
) -> None:
    answered = await steps.settlement(await finished_order(session, site, now=clock()), 50_000)
    for one in (settlement, answered):
        await steps.notified(one)
    clock.now = FIVE_WORKDAYS + INSTANT
    for one in (settlement, answered):
        await steps.done(path_of(one, "reminder"), site.auditor)
    await steps.answered(answered)  # late, but before it was deemed
    clock.now = datetime(2026, 12, 2, 10, 0, tzinfo=UTC) + INSTANT
    assert await deem_confirmed_when_silent(session, now=clock()) == 1
    assert await deem_confirmed_when_silent(session, now=clock()) == 0
    deemed = await steps.read(path_of(settlement))
    assert (deemed["status"], deemed["contractor_answer"]) == ("deemed_confirmed", "deemed")
    assert deemed["replies"][0]["answered_by_name"] == SYSTEM.name
    assert (await steps.read(path_of(answered)))["contractor_answer"] == "confirmed"


@pytest.mark.rule("FIN-07")
async def test_a_corrected_amount_is_put_to_the_contractor_again(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, settlement: dict[str, Any]
) -> None:
    await steps.notified(settlement)
    disputed = await steps.answered(settlement, "partly", confirmed_amount_fen=60_000, reason="天花板不属我方")
    assert (disputed["status"], disputed["contractor_answer"]) == ("disputed", "partly")
    assert disputed["replies"][0]["confirmed_fen"] == 60_000
    assert (await steps.read(path_of(settlement), site.clerk))["allowed_actions"] == ["dispute-resolution"]
    assert (await steps.read(path_of(settlement), site.auditor))["allowed_actions"] == []
    clock.now = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    corrected = await steps.resolved(settlement, site.clerk, "corrected_amount", amount_fen=70_000)
    assert (corrected["status"], corrected["round"], corrected["contractor_answer"]) == ("notified", 2, None)
    assert (corrected["amount_fen"], corrected["contractor_share_fen"], corrected["company_share_fen"]) == (
        100_000,
        70_000,
        30_000,
    )
    assert [(item["round"], item["state"]) for item in corrected["deadlines"]] == [(1, "met"), (2, "running")]
    assert datetime.fromisoformat(corrected["deadlines"][1]["due_at"]) == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    confirmed = await steps.answered(settlement)
    assert [(reply["round"], reply["asked_fen"], reply["answer"]) for reply in confirmed["replies"]] == [
        (1, 100_000, "partly"),
        (2, 70_000, "confirmed"),
    ]
    (end,) = confirmed["resolutions"]
    assert (end["round"], end["kind"], end["contractor_share_fen"]) == (1, "corrected_amount", 70_000)
    assert (await steps.certified(settlement))["contractor_share_fen"] == 70_000


@pytest.mark.rule("FIN-08")
async def test_the_deputy_chief_engineer_determines_what_the_contractor_bears(
    steps: Steps, site: Site, session: AsyncSession, settlement: dict[str, Any]
) -> None:
    await steps.notified(settlement)
    await steps.answered(settlement, "refused", reason="非我方责任")
    determined = await steps.resolved(settlement, site.engineer, "determination", amount_fen=100_000)
    assert (determined["status"], determined["contractor_share_fen"]) == ("determined", 100_000)
    # The same post certifies what it determined: there is one deputy chief engineer for quality (FIN-08).
    certified = await steps.certified(settlement)
    assert (certified["status"], certified["certified_by"]) == ("certified", str(site.engineer.id))


@pytest.mark.rule("FIN-07")
async def test_moved_to_b_the_company_bears_it_and_the_contractor_still_sees_how_it_ended(
    steps: Steps, site: Site, session: AsyncSession, settlement: dict[str, Any]
) -> None:
    await steps.notified(settlement)
    await steps.answered(settlement, "refused", reason="非我方责任")
    moved = await steps.resolved(settlement, site.engineer, "moved_to_b")
    assert (moved["status"], moved["kind"]) == ("written", "B")
    assert (moved["contractor_share_fen"], moved["company_share_fen"]) == (0, 100_000)
    await refused(
        steps, session, path_of(settlement, "contractor-notice"), site.auditor, status=409, code="not_class_a"
    )
    seen = await steps.read(path_of(settlement), site.builder)
    assert (seen["kind"], seen["allowed_actions"]) == ("B", [])
    assert (await steps.certified(settlement))["status"] == "certified"


@pytest.mark.rule("FIN-07")
async def test_who_may_settle_a_dispute_and_how(
    steps: Steps, site: Site, session: AsyncSession, people: Desk, settlement: dict[str, Any]
) -> None:
    await steps.notified(settlement)
    path = path_of(settlement, "dispute-resolution")

    async def no(actor: Any, kind: str, amount: int | None, *, status: int, code: str) -> None:
        body = {"kind": kind, "amount_fen": amount, "reason": "复核"}
        await refused(steps, session, path, actor, body, status=status, code=code)

    await no(site.clerk, "corrected_amount", 70_000, status=409, code="wrong_status")
    await steps.answered(settlement, "refused", reason="非我方责任")
    await no(site.finance, "determination", 70_000, status=403, code="may_not_resolve")
    await no(site.builder, "corrected_amount", 70_000, status=403, code="may_not_resolve")
    await no(site.clerk, "determination", 70_000, status=403, code="out_of_reach")
    await no(site.clerk, "moved_to_b", None, status=403, code="out_of_reach")
    await no(site.engineer, "corrected_amount", 70_000, status=403, code="out_of_reach")
    await no(site.engineer, "determination", 100_001, status=422, code="share_above_amount")
    await no(site.engineer, "determination", None, status=422, code="validation_failed")
    await no(site.engineer, "moved_to_b", 70_000, status=422, code="validation_failed")
    await no(site.engineer, "determination", 0, status=422, code="validation_failed")
    writer_too = await people.staff("customer_relations_specialist", "deputy_chief_engineer")
    await steps.resolved(settlement, writer_too, "corrected_amount", amount_fen=70_000)
    await steps.answered(settlement, "refused", reason="仍不认可")
    await no(writer_too, "determination", 70_000, status=403, code="own_work")
    determined = await steps.resolved(settlement, site.engineer, "determination", amount_fen=80_000)
    assert [end["kind"] for end in determined["resolutions"]] == ["corrected_amount", "determination"]
