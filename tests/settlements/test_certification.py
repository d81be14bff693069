"""Writing settlements and certifying them (FIN-06, FIN-08), and that the maker is never the checker."""

from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, finished_order, refused

from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import RepairClass


@pytest.mark.rule("FIN-06")
async def test_the_settlement_says_what_the_audit_left(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    order = await finished_order(session, site, now=clock())
    account = await steps.audited(await steps.filed(order, 60_000, 40_000), 60_000, 35_500)
    assert (await steps.read(f"/v1/final-accounts/{account['id']}", site.clerk))["allowed_actions"] == ["settlement"]
    answer = await steps.post("/v1/settlements", site.clerk, {"final_account_id": account["id"]})
    settlement = answer.json()
    assert answer.headers["location"] == f"/v1/settlements/{settlement['id']}"
    assert settlement["number"].startswith("JD-20261120-")
    assert (settlement["status"], settlement["kind"], settlement["version"]) == ("written", "A", 1)
    assert (settlement["amount_fen"], settlement["amount_capital"]) == (95_500, "玖佰伍拾伍元整")
    assert (settlement["contractor_share_fen"], settlement["company_share_fen"]) == (95_500, 0)
    assert settlement["contract_id"] == str(site.contractor.contract.id)
    assert settlement["contractor_firm_id"] == str(site.contractor.firm.id)
    assert settlement["firm_id"] == str(site.company.firm.id)
    assert [line["audited_amount_fen"] for line in settlement["lines"]] == [60_000, 35_500]
    assert (settlement["deadlines"], settlement["allowed_actions"]) == ([], [])
    assert (settlement["written_by"], settlement["department"]) == (str(site.clerk.id), "customer_service")
    settled = await steps.read(f"/v1/final-accounts/{account['id']}")
    assert (settled["status"], settled["settlement_id"]) == ("settled", settlement["id"])
    kinds = select(Event.kind).where(Event.subject_id == UUID(settlement["id"]))
    assert list(await session.scalars(kinds)) == ["settlement.written"]
    await refused(
        steps,
        session,
        "/v1/settlements",
        site.clerk,
        {"final_account_id": account["id"]},
        status=409,
        code="wrong_status",
    )


@pytest.mark.rule("FIN-06")
async def test_only_an_audited_account_is_settled_and_by_customer_service(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    account = await steps.filed(await finished_order(session, site, now=clock()), 60_000)
    body = {"final_account_id": account["id"]}
    await refused(steps, session, "/v1/settlements", site.clerk, body, status=409, code="wrong_status")
    await steps.audited(account)
    await refused(steps, session, "/v1/settlements", site.auditor, body, status=403, code="missing_scope")
    await refused(
        steps,
        session,
        "/v1/settlements",
        site.clerk,
        {"final_account_id": str(UUID(int=9))},
        status=404,
        code="final_account_not_found",
    )


@pytest.mark.rule("CMP-04")
async def test_an_emergency_that_was_never_approved_is_not_settled(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    order = await finished_order(session, site, now=clock(), emergency=True, approved=False)
    account = await steps.audited(await steps.filed(order, 60_000))
    assert (await steps.read(f"/v1/final-accounts/{account['id']}", site.clerk))["allowed_actions"] == []
    body = {"final_account_id": account["id"]}
    await refused(steps, session, "/v1/settlements", site.clerk, body, status=409, code="order_not_approved")
    await session.refresh(order)
    order.approved_at = clock()
    await session.flush()
    assert (await steps.written(account))["status"] == "written"


@pytest.mark.rule("FIN-08")
async def test_class_b_is_certified_without_a_contractor(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    settlement = await steps.settlement(order, 80_000)
    assert (settlement["kind"], settlement["contractor_firm_id"], settlement["contract_id"]) == ("B", None, None)
    assert (settlement["contractor_share_fen"], settlement["company_share_fen"]) == (0, 80_000)
    path = f"/v1/settlements/{settlement['id']}"
    assert (await steps.read(path, site.auditor))["allowed_actions"] == []
    await refused(steps, session, f"{path}/contractor-notice", site.auditor, status=409, code="not_class_a")
    assert (await steps.read(path, site.engineer))["allowed_actions"] == ["certification"]
    certified = await steps.certified(settlement)
    assert (certified["status"], certified["certification_opinion"]) == ("certified", "同意结算。")
    assert certified["certified_by_name"] == site.engineer.name
    await refused(steps, session, f"{path}/certification", site.engineer, {}, status=409, code="wrong_status")


@pytest.mark.rule("FIN-08")
async def test_class_a_is_not_certified_before_the_contractor_was_heard(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    settlement = await steps.settlement(await finished_order(session, site, now=clock()), 80_000)
    path = f"/v1/settlements/{settlement['id']}/certification"
    await refused(steps, session, path, site.engineer, {}, status=409, code="contractor_not_heard")
    await steps.notified(settlement)
    await refused(steps, session, path, site.engineer, {}, status=409, code="wrong_status")
    await steps.answered(settlement, "refused", reason="非我方施工范围")
    await refused(steps, session, path, site.engineer, {}, status=409, code="wrong_status")


@pytest.mark.rule("ORG-10")
async def test_one_person_in_several_seats_is_refused_in_each_later_one(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    everybody = await people.staff(
        "customer_relations_specialist", "auditor", "deputy_chief_engineer", "finance_officer", name="一人多岗"
    )
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    account = await steps.filed(order, 80_000)
    body = {"lines": [{"position": 1, "audited_amount_fen": 80_000}]}
    await steps.done(f"/v1/final-accounts/{account['id']}/audit", everybody, body)
    settlement = await steps.written(account)  # by the clerk
    path = f"/v1/settlements/{settlement['id']}"
    assert (await steps.read(path, everybody))["allowed_actions"] == []
    await refused(steps, session, f"{path}/certification", everybody, {}, status=403, code="own_work")
    await steps.certified(settlement)
    pay = {"reference": "网银流水"}
    await refused(steps, session, f"{path}/payment", everybody, pay, status=403, code="own_work", key=True)

    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    settlement = await steps.settlement(order, 80_000)
    path = f"/v1/settlements/{settlement['id']}"
    await steps.done(f"{path}/certification", everybody, {})
    await refused(steps, session, f"{path}/payment", everybody, pay, status=403, code="own_work", key=True)

    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    account = await steps.audited(await steps.filed(order, 80_000))
    settlement = await steps.done("/v1/settlements", everybody, {"final_account_id": account["id"]})
    path = f"/v1/settlements/{settlement['id']}"
    await refused(steps, session, f"{path}/certification", everybody, {}, status=403, code="own_work")

    order = await finished_order(
        session, site, now=clock(), repair_class=RepairClass.B, makers={everybody.id: "surveyed"}
    )
    settlement = await steps.settlement(order, 80_000)
    path = f"/v1/settlements/{settlement['id']}"
    await refused(steps, session, f"{path}/certification", everybody, {}, status=403, code="own_work")
    await steps.certified(settlement)
    await refused(steps, session, f"{path}/payment", everybody, pay, status=403, code="own_work", key=True)


@pytest.mark.rule("FIN-08")
async def test_a_certification_reaches_as_far_as_its_scope(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    settlement = await steps.settlement(order, 80_000)
    path = f"/v1/settlements/{settlement['id']}/certification"
    await refused(steps, session, path, site.finance, {}, status=403, code="missing_scope")
    elsewhere = await people.staff("deputy_chief_engineer", project_id=UUID(int=5))
    await refused(steps, session, path, elsewhere, {}, status=404, code="settlement_not_found")
    sent = {"opinion": "同意", "amount_fen": 1}
    await refused(steps, session, path, site.engineer, sent, status=422, code="validation_failed")


@pytest.mark.rule("FIN-06")
async def test_settlements_are_listed_in_two_statements_with_filters(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, queries: object
) -> None:
    made = []
    for repair_class in (RepairClass.A, RepairClass.B, RepairClass.A):
        clock.forward(seconds=1)
        order = await finished_order(session, site, now=clock(), repair_class=repair_class)
        made.append(await steps.settlement(order, 50_000))
    await steps.notified(made[2])
    await steps.read("/v1/settlements", site.clerk)
    with queries:  # type: ignore[attr-defined]
        page = await steps.read("/v1/settlements", site.clerk)
    assert queries.count == 2  # type: ignore[attr-defined]
    assert [item["id"] for item in page["items"]] == [item["id"] for item in reversed(made)]
    assert [item["kind"] for item in page["items"][0]["deadlines"]] == ["contractor_confirmation"]
    for query, expected in {
        "kind=B": [1],
        "status=notified": [2],
        "status=written&kind=A": [0],
        f"contractor_firm_id={site.contractor.firm.id}": [2, 0],
        f"firm_id={site.company.firm.id}": [2, 1, 0],
        f"project_id={site.org.project.id}&ticket_id={site.ticket.id}": [2, 1, 0],
        f"work_order_id={made[0]['work_order_id']}": [0],
    }.items():
        found = await steps.read(f"/v1/settlements?{query}&include_total=true", site.clerk)
        assert [item["id"] for item in found["items"]] == [made[place]["id"] for place in expected], query
        assert found["total"] == len(expected)
