"""Co-signing: who signs for whom, and what the last signature means (REP-02, REP-04, REP-08)."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import CLASS_A, CLASS_B, NOT_OURS, Cast, Story, arranged_survey, recorded_survey
from tests.factories.contractors import make_contractor
from tests.factories.files import make_file
from tests.factories.people import Desk
from tests.workorders.conftest import Post, Unchanged, refused
from tests.workorders.test_surveys import SURVEYS, ticket_facts

from ownercare_api.files.models import FilePurpose
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.timeline.models import Event


async def sign_all(post: Post, cast: Cast, survey_id: object) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for actor, role in (
        (cast.colleague, "customer_service"),
        (cast.engineer, "engineering_or_property"),
        (cast.captain, "repair_captain"),
        (cast.representative, "contractor"),
    ):
        answer = await post(actor, f"{SURVEYS}/{survey_id}/signatures", role=role)
        if answer.status_code == 409:
            break
        assert answer.status_code == 201, answer.text
        body = answer.json()
        if body["status"] == "co_signed":
            break
    return body


@pytest.mark.rule("REP-04")
@pytest.mark.rule("REP-08")
@pytest.mark.parametrize(
    ("story", "repair_class", "work"), [(CLASS_A, "A", (1, 0)), (CLASS_B, "B", (1, 0)), (NOT_OURS, "none", (0, 1))]
)
async def test_the_last_signature_fixes_the_class(
    session: AsyncSession,
    cast: Cast,
    clock: FakeClock,
    post: Post,
    story: Story,
    repair_class: str,
    work: tuple[int, int],
) -> None:
    survey = await recorded_survey(session, cast, now=clock(), story=story)
    body = await sign_all(post, cast, survey.id)
    assert body["status"] == "co_signed"
    assert body["missing_signatures"] == []
    assert (body["liability"]["repair_class"], body["liability"]["final"]) == (repair_class, True)
    assert body["liability"]["reasons"][-1]["code"] == f"class_{repair_class.lower()}"
    assert [one["signed_by"] for one in body["parties"]] == [
        str(actor.id) for actor in (cast.colleague, cast.engineer, cast.captain, cast.representative)
    ]
    assert await ticket_facts(session, survey.ticket_id) == work
    event = (await session.scalars(select(Event).where(Event.kind == "site_survey.co_signed"))).one()
    assert event.data["repair_class"] == repair_class
    assert event.actor_id == cast.representative.id


@pytest.mark.rule("REP-03")
async def test_without_a_contractor_three_signatures_are_enough(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    lines = (("换开关", Trade.ELECTRICS, 8_000),)
    story = Story(part=BuildingPart.ELECTRICS, trades=(Trade.ELECTRICS,), lines=lines)
    survey = await recorded_survey(session, cast, now=clock(), story=story)
    body = await sign_all(post, cast, survey.id)
    assert body["status"] == "co_signed"
    assert body["parties"][3]["signed_by"] is None
    assert (body["liability"]["repair_class"], body["liability"]["contractor_cover"]) == ("B", "none")


@pytest.mark.rule("REP-03")
async def test_an_exempt_contractor_may_still_sign(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    lines = (("补缝", Trade.TILING, 20_000),)
    story = Story(trades=(Trade.TILING,), lines=lines, expected_cost_fen=20_000)
    survey = await recorded_survey(session, cast, now=clock(), story=story)
    body = (await post(cast.representative, f"{SURVEYS}/{survey.id}/signatures", role="contractor")).json()
    assert body["parties"][3]["signed_by_name"] == cast.representative.name
    assert body["missing_signatures"] == ["customer_service", "engineering_or_property", "repair_captain"]


@pytest.mark.rule("REP-02")
async def test_the_property_company_may_sign_in_engineering_s_place(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    manager = await people.firm_user("property_company_manager", firm_id=cast.company.firm.id)
    answer = await post(
        manager, f"{SURVEYS}/{survey.id}/signatures", role="engineering_or_property", comment="情况属实"
    )
    assert answer.status_code == 201
    assert answer.json()["parties"][1]["comment"] == "情况属实"


@pytest.mark.rule("REP-02")
async def test_seats_are_for_their_own_people(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    path = f"{SURVEYS}/{survey.id}/signatures"
    second_captain = await people.firm_user("repair_captain", firm_id=cast.company.firm.id)
    staff_as_contractor = await people.staff("contractor_representative", project_id=cast.org.project.id)
    staff_as_captain = await people.staff("repair_captain", project_id=cast.org.project.id)
    other = await make_contractor(session, cast.org, parts={BuildingPart.ELECTRICS: 24})
    stranger = await people.firm_user("contractor_representative", firm_id=other.firm.id)
    async with unchanged():
        refused(await post(cast.engineer, path, role="customer_service"), 403, "out_of_reach")
        refused(await post(cast.specialist, path, role="engineering_or_property"), 403, "out_of_reach")
        refused(await post(cast.captain, path, role="contractor"), 403, "not_your_seat")
        refused(await post(second_captain, path, role="repair_captain"), 403, "not_your_seat")
        refused(await post(staff_as_captain, path, role="repair_captain"), 403, "not_your_seat")
        refused(await post(staff_as_contractor, path, role="contractor"), 403, "not_your_seat")
        refused(await post(stranger, path, role="contractor"), 404, "site_survey_not_found")
        refused(await post(cast.worker, path, role="repair_captain"), 403, "missing_scope")


@pytest.mark.rule("REP-02")
async def test_a_seat_is_signed_once_and_a_person_signs_one_seat(
    session: AsyncSession, cast: Cast, people: Desk, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    path = f"{SURVEYS}/{survey.id}/signatures"
    both = await people.staff(
        "customer_relations_specialist", "engineering_material_engineer", project_id=cast.org.project.id
    )
    first = await post(both, path, role="customer_service")
    assert first.json()["signable_seats"] == []
    async with unchanged():
        refused(await post(both, path, role="engineering_or_property"), 403, "one_person_one_seat")
        refused(await post(cast.colleague, path, role="customer_service"), 409, "seat_taken")
        refused(await post(both, path, role="customer_service"), 409, "seat_taken")
    assert "signatures" not in first.json()["allowed_actions"]


@pytest.mark.rule("REP-02")
async def test_signing_needs_findings_and_an_invitation(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    lines = (("换开关", Trade.ELECTRICS, 8_000),)
    story = Story(part=BuildingPart.ELECTRICS, trades=(Trade.ELECTRICS,), lines=lines)
    early = await arranged_survey(session, cast, now=clock())
    survey = await recorded_survey(session, cast, now=clock(), story=story)
    async with unchanged():
        refused(
            await post(cast.colleague, f"{SURVEYS}/{early.id}/signatures", role="customer_service"), 409, "wrong_status"
        )
        refused(
            await post(cast.colleague, f"{SURVEYS}/{survey.id}/signatures", role="contractor"), 409, "party_not_invited"
        )
        refused(
            await post(cast.colleague, f"{SURVEYS}/{survey.id}/signatures", role="witness"), 422, "validation_failed"
        )


@pytest.mark.rule("REP-02")
async def test_where_a_caller_may_sign_is_said_beforehand(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    body = (await post(cast.colleague, f"{SURVEYS}/{survey.id}/signatures", role="customer_service")).json()
    assert (body["signable_seats"], body["allowed_actions"]) == ([], ["findings", "cancellation"])
    body = (await post(cast.captain, f"{SURVEYS}/{survey.id}/signatures", role="repair_captain")).json()
    assert (body["signable_seats"], body["allowed_actions"]) == ([], [])


async def test_a_signature_file_must_be_one(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post, unchanged: Unchanged
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    path = f"{SURVEYS}/{survey.id}/signatures"
    make = partial(make_file, session, project_id=cast.org.project.id, uploaded_by=cast.colleague.id, now=clock())
    photo = await make()
    drawn = await make(purpose=FilePurpose.SIGNATURE)
    async with unchanged():
        wrong = await post(cast.colleague, path, role="customer_service", signature_file_id=str(photo.id))
        refused(wrong, 422, "file_not_usable")
    right = await post(cast.colleague, path, role="customer_service", signature_file_id=str(drawn.id))
    assert right.json()["parties"][0]["signature_file_id"] == str(drawn.id)


@pytest.mark.rule("REP-08")
async def test_the_class_stands_as_it_was_co_signed(
    session: AsyncSession, cast: Cast, clock: FakeClock, post: Post
) -> None:
    survey = await recorded_survey(session, cast, now=clock())
    body = await sign_all(post, cast, survey.id)
    cast.contractor.terms[BuildingPart.WET_ROOM_WATERPROOFING].months = 1
    await session.flush()
    again = await post(cast.representative, f"{SURVEYS}/{survey.id}/signatures", role="contractor")
    refused(again, 409, "wrong_status")
    assert body["liability"]["repair_class"] == "A"
