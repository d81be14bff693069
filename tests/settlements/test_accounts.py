"""Final accounts: filing by the captain, amounts, supplementary approval, return and resubmission."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, everything, finished_order, lines, refused

from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStep
from ownercare_api.identity.models import GrantLevel
from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder


async def events_of(session: AsyncSession, subject_id: str) -> list[str]:
    query = select(Event.kind).where(Event.subject_id == UUID(subject_id)).order_by(Event.seq)
    return list(await session.scalars(query))


async def decide(client: httpx.AsyncClient, approval_id: str, actor: Any, decision: str) -> dict[str, Any]:
    body = {"decision": decision, "comment": "按现场签证核对"}
    answer = await client.post(f"/v1/approvals/{approval_id}/decisions", json=body, headers=actor.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.rule("FIN-04")
async def test_the_captain_files_the_account_of_finished_work(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    order = await finished_order(session, site, now=clock(), estimate_fen=150_000)
    body = {
        "work_order_id": str(order.id),
        "lines": [
            {
                "description": "防水层铲除重做",
                "trade": "waterproofing",
                "unit": "平方米",
                "quantity": "6.5",
                "unit_price_fen": 8651,
            },
            {
                "description": "地砖恢复",
                "trade": "tiling",
                "unit": "平方米",
                "quantity": "6.050",
                "unit_price_fen": 12000,
            },
        ],
        "note": "闭水试验合格",
    }
    answer = await steps.post("/v1/final-accounts", site.captain, body)
    assert answer.status_code == 201, answer.text
    account = answer.json()
    assert answer.headers["location"] == f"/v1/final-accounts/{account['id']}"
    assert answer.headers["etag"].startswith('"1.')
    assert account["number"].startswith("JS-20261120-")
    assert account["status"] == "submitted"
    # 6.5 × 86.51 = 562.315 yuan: half a fen is rounded up.
    assert [(line["quantity"], line["amount_fen"]) for line in account["lines"]] == [("6.5", 56_232), ("6.05", 72_600)]
    assert account["total_fen"] == 128_832
    assert account["total_capital"] == "壹仟贰佰捌拾捌元叁角贰分"
    assert (account["department"], account["estimate_fen"]) == ("customer_service", 150_000)
    assert (account["approval_id"], account["deadlines"], account["settlement_id"]) == (None, [], None)
    assert account["firm_id"] == str(site.company.firm.id)
    assert (account["prepared_by"], account["allowed_actions"]) == (str(site.captain.id), [])
    await session.refresh(order)
    assert order.account_filed is True
    assert await events_of(session, account["id"]) == ["final_account.filed"]
    for_clerk = await steps.read(f"/v1/final-accounts/{account['id']}", site.clerk)
    assert for_clerk["allowed_actions"] == ["audit", "return"]
    for person in (site.auditor, site.raiser, site.finance):  # other department; raised the order; no auditor
        assert (await steps.read(f"/v1/final-accounts/{account['id']}", person))["allowed_actions"] == []


@pytest.mark.rule("FIN-04")
@pytest.mark.parametrize("status", [status for status in WorkOrderStatus if status not in ("signed_off", "closed")])
async def test_no_account_before_the_work_is_signed_off(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, status: WorkOrderStatus
) -> None:
    order = await finished_order(session, site, now=clock(), status=status)
    body = {"work_order_id": str(order.id), "lines": lines(100)}
    await refused(steps, session, "/v1/final-accounts", site.captain, body, status=409, code="work_not_signed_off")


@pytest.mark.rule("FIN-04")
async def test_only_the_captain_of_the_team_files_once(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock(), status=WorkOrderStatus.CLOSED)
    body = {"work_order_id": str(order.id), "lines": lines(100)}
    path = "/v1/final-accounts"
    other = await people.firm_user("repair_captain", firm_id=site.company.firm.id)
    await refused(steps, session, path, other, body, status=403, code="not_the_captain")
    await refused(steps, session, path, site.clerk, body, status=403, code="missing_scope")
    stranger = await people.firm_user("repair_captain", firm_id=site.contractor.firm.id)
    answer = await steps.post(path, stranger, body)
    assert answer.status_code in (403, 404)
    await steps.filed(order, 100)
    await refused(steps, session, path, site.captain, body, status=409, code="account_exists")


@pytest.mark.rule("FIN-04")
async def test_the_property_company_s_own_system_files_too(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock())
    machine = await people.machine(
        "accounts:file",
        "settlements:read",
        "work_orders:read",
        level=GrantLevel.FIRM,
        targets=(site.company.firm.id,),
    )
    answer = await steps.post("/v1/final-accounts", machine, {"work_order_id": str(order.id), "lines": lines(100)})
    assert answer.status_code == 201, answer.text
    assert answer.json()["prepared_by"] == str(machine.id)


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"quantity": "0.000"}, "#/lines/0/quantity", "quantity_zero"),
        ({"quantity": "1.2345"}, "#/lines/0/quantity", "string_pattern_mismatch"),
        ({"quantity": "-1"}, "#/lines/0/quantity", "string_pattern_mismatch"),
        ({"quantity": "1e3"}, "#/lines/0/quantity", "string_pattern_mismatch"),
        ({"quantity": 1.5}, "#/lines/0/quantity", "string_type"),
        ({"unit_price_fen": 0}, "#/lines/0/unit_price_fen", "greater_than_equal"),
        ({"unit_price_fen": 1.5}, "#/lines/0/unit_price_fen", "int_from_float"),
        ({"trade": "magic"}, "#/lines/0/trade", "enum"),
        ({"quantity": "0.001", "unit_price_fen": 1}, "#/lines", "total_out_of_range"),
        ({"quantity": "999999999", "unit_price_fen": 10**12}, "#/lines", "total_out_of_range"),
    ],
)
async def test_amounts_that_make_no_sense(
    steps: Steps,
    site: Site,
    session: AsyncSession,
    clock: FakeClock,
    changed: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    order = await finished_order(session, site, now=clock())
    body = {"work_order_id": str(order.id), "lines": [lines(100)[0] | changed]}
    before = await everything(session)
    answer = await steps.post("/v1/final-accounts", site.captain, body)
    assert answer.status_code == 422
    found = answer.json()["errors"][0]
    assert found["pointer"] == pointer
    assert found["code"] in (code, "int_type")
    assert await everything(session) == before


@pytest.mark.rule("FIN-01")
@pytest.mark.rule("FIN-02")
async def test_a_total_above_the_estimate_needs_a_supplementary_approval_at_the_new_total_s_tier(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock(), estimate_fen=150_000)
    await finished_order(session, site, now=clock(), estimate_fen=40_000)
    exact = await finished_order(session, site, now=clock(), estimate_fen=10_000)
    assert (await steps.filed(exact, 10_000))["status"] == "submitted"  # as approved
    account = await steps.filed(order, 150_001)
    assert account["status"] == "awaiting_approval"
    approval = await session.get_one(Approval, UUID(account["approval_id"]))
    assert (approval.subject_kind, str(approval.subject_id)) == ("final_account", account["id"])
    # 1,500.01 in place of 1,500.00, and the ticket's other orders: 2,000.01 is the deputies'.
    assert (approval.amount_fen, approval.total_fen) == (150_001, 200_001)
    seats = select(ApprovalStep.tier).where(ApprovalStep.approval_id == approval.id).order_by(ApprovalStep.position)
    assert [str(tier) for tier in await session.scalars(seats)] == ["deputy_chief_engineer", "deputy_general_manager"]
    makers = select(ApprovalMaker.account_id).where(ApprovalMaker.approval_id == approval.id)
    assert set(await session.scalars(makers)) == {site.captain.id, site.raiser.id}
    assert [clock_["kind"] for clock_ in account["deadlines"]] == ["approval"]
    path = f"/v1/final-accounts/{account['id']}"
    body = {"lines": [{"position": 1, "audited_amount_fen": 150_001}]}
    await refused(steps, session, f"{path}/audit", site.clerk, body, status=409, code="wrong_status")
    deputy = await people.staff("deputy_general_manager")
    await decide(steps.client, account["approval_id"], site.engineer, "approved")
    assert (await steps.read(path))["status"] == "awaiting_approval"
    await decide(steps.client, account["approval_id"], deputy, "approved")
    approved = await steps.read(path)
    assert (approved["status"], approved["approved_fen"]) == ("submitted", 150_001)
    assert await events_of(session, account["id"]) == ["final_account.filed", "final_account.approved"]
    assert (await steps.audited(account))["status"] == "audited"


@pytest.mark.rule("FIN-03")
async def test_accounts_of_other_orders_count_with_what_they_came_to(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    first = await finished_order(session, site, now=clock(), estimate_fen=100_000)
    second = await finished_order(session, site, now=clock(), estimate_fen=50_000)
    dead = await finished_order(session, site, now=clock(), estimate_fen=900_000, status=WorkOrderStatus.CANCELLED)
    assert dead.estimate_fen == 900_000
    raised = await steps.filed(first, 1_500_000)
    approval = await session.get_one(Approval, UUID(raised["approval_id"]))
    assert (approval.amount_fen, approval.total_fen) == (1_500_000, 1_550_000)
    other = await steps.filed(second, 500_001)
    approval = await session.get_one(Approval, UUID(other["approval_id"]))
    assert (approval.amount_fen, approval.total_fen) == (500_001, 2_000_001)
    seats = select(ApprovalStep.tier).where(ApprovalStep.approval_id == approval.id)
    assert [str(tier) for tier in await session.scalars(seats)] == ["general_manager"]


@pytest.mark.rule("FIN-01")
async def test_a_rejected_supplement_goes_back_to_the_captain_and_an_edited_total_asks_again(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock(), estimate_fen=100_000)
    manager = await people.staff("customer_service_manager")
    account = await steps.filed(order, 120_000)
    path = f"/v1/final-accounts/{account['id']}"
    await decide(steps.client, account["approval_id"], manager, "rejected")
    returned = await steps.read(path, site.captain)
    assert returned["status"] == "returned"
    assert returned["return_reason"] == f"补充审批 {await number_of(session, account['approval_id'])} 未通过"
    assert returned["allowed_actions"] == ["update", "submission"]
    etag = (await steps.client.get(path, headers=site.captain.headers)).headers["etag"]
    headers = site.captain.headers | {"If-Match": etag}
    edited = await steps.client.patch(path, json={"lines": lines(60_000, 55_000)}, headers=headers)
    assert edited.status_code == 200, edited.text
    assert (edited.json()["total_fen"], edited.json()["status"]) == (115_000, "returned")
    stale = await steps.client.patch(path, json={"note": "再改"}, headers=headers)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    again = await steps.done(f"{path}/submission", site.captain)
    assert again["status"] == "awaiting_approval"
    assert again["approval_id"] != account["approval_id"]
    await decide(steps.client, again["approval_id"], manager, "approved")
    await steps.done(f"{path}/return", site.clerk, {"reason": "请补附实测记录"})
    # Nothing about the money changed: the approval stands.
    assert (await steps.done(f"{path}/submission", site.captain))["status"] == "submitted"
    await steps.done(f"{path}/return", site.clerk, {"reason": "第 2 项核减"})
    etag = (await steps.client.get(path, headers=site.captain.headers)).headers["etag"]
    headers = site.captain.headers | {"If-Match": etag}
    await steps.client.patch(path, json={"lines": lines(110_000)}, headers=headers)
    reopened = await steps.done(f"{path}/submission", site.captain)
    assert (reopened["status"], reopened["total_fen"]) == ("awaiting_approval", 110_000)


async def number_of(session: AsyncSession, approval_id: str) -> str:
    return (await session.get_one(Approval, UUID(approval_id))).number


@pytest.mark.rule("FIN-04")
async def test_only_a_returned_account_is_edited_and_only_with_its_version(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock())
    account = await steps.filed(order, 100_000)
    path = f"/v1/final-accounts/{account['id']}"
    before = await everything(session)
    for headers, body, status, code in (
        ({}, {"note": "x"}, 428, "precondition_required"),
        ({"If-Match": "*"}, {"note": "x"}, 409, "wrong_status"),
        ({"If-Match": "*"}, {"lines": None}, 422, "validation_failed"),
        ({"If-Match": "*"}, {"total_fen": 1}, 422, "validation_failed"),
    ):
        answer = await steps.client.patch(path, json=body, headers=site.captain.headers | headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await everything(session) == before
    await refused(steps, session, f"{path}/submission", site.captain, status=409, code="wrong_status")
    await steps.done(f"{path}/return", site.clerk, {"reason": "缺少附件"})
    other = await people.firm_user("repair_captain", firm_id=site.company.firm.id)
    await refused(steps, session, f"{path}/submission", other, status=403, code="not_the_captain")
    answer = await steps.client.patch(path, json={"note": None}, headers=site.captain.headers | {"If-Match": '"2.x"'})
    assert answer.status_code == 200
    assert (answer.json()["note"], answer.json()["version"]) == (None, 3)


@pytest.mark.rule("FIN-05")
async def test_a_list_is_two_statements_and_filters_by_its_fields(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, queries: Any
) -> None:
    orders: list[WorkOrder] = []
    for place in range(3):
        clock.forward(seconds=1)
        orders.append(await finished_order(session, site, now=clock(), estimate_fen=100_000 + place))
    filed = [await steps.filed(order, 100_001) for order in orders]  # the first one waits for approval
    assert [account["status"] for account in filed] == ["awaiting_approval", "submitted", "submitted"]
    await steps.read("/v1/final-accounts", site.clerk)
    with queries:
        page = await steps.read("/v1/final-accounts?include_total=true", site.clerk)
    assert queries.count == 3  # rows, clocks, count
    assert [item["id"] for item in page["items"]] == [account["id"] for account in reversed(filed)]
    assert (page["total"], page["total_is_exact"]) == (3, True)
    assert page["items"][0]["allowed_actions"] == ["audit", "return"]
    assert [clock_["kind"] for clock_ in page["items"][2]["deadlines"]] == ["approval"]
    for query, expected in {
        "status=awaiting_approval": [0],
        f"work_order_id={orders[1].id}": [1],
        f"ticket_id={site.ticket.id}": [2, 1, 0],
        f"firm_id={site.company.firm.id}": [2, 1, 0],
        f"firm_id={site.contractor.firm.id}": [],
        f"project_id={site.org.project.id}": [2, 1, 0],
        "department=audit_department": [],
    }.items():
        found = await steps.read(f"/v1/final-accounts?{query}", site.clerk)
        assert [item["id"] for item in found["items"]] == [filed[place]["id"] for place in expected], query
    first = await steps.read("/v1/final-accounts?limit=2", site.clerk)
    rest = await steps.read(f"/v1/final-accounts?limit=2&cursor={first['next_cursor']}", site.clerk)
    assert [item["id"] for item in rest["items"]] == [filed[0]["id"]]
    assert rest["next_cursor"] is None


@pytest.mark.rule("FIN-04")
async def test_an_account_is_the_property_company_s_and_the_project_s_to_see(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    order = await finished_order(session, site, now=clock())
    account = await steps.filed(order, 100_000)
    path = f"/v1/final-accounts/{account['id']}"
    manager = await people.firm_user("property_company_manager", firm_id=site.company.firm.id)
    assert (await steps.read(path, manager))["id"] == account["id"]
    elsewhere = await people.staff("auditor", project_id=UUID(int=7))
    for stranger in (site.builder, elsewhere):
        answer = await steps.client.get(path, headers=stranger.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "final_account_not_found")
        assert (await steps.read("/v1/final-accounts", stranger))["items"] == []
    here = await people.staff("auditor", project_id=site.org.project.id)
    assert (await steps.read(path, here))["id"] == account["id"]
    assert isinstance(clock(), datetime)
