"""The audit of accounts: which department, by whom, line by line (FIN-05)."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Desk
from tests.factories.settlements import Site, Steps, finished_order, refused


def audit(*amounts: int) -> dict[str, Any]:
    return {"lines": [{"position": place, "audited_amount_fen": fen} for place, fen in enumerate(amounts, start=1)]}


@pytest.mark.rule("FIN-05")
@pytest.mark.rule("ORG-21")
@pytest.mark.parametrize(
    ("total", "department"),
    [(1_999_999, "customer_service"), (2_000_000, "audit_department"), (2_000_001, "audit_department")],
)
async def test_the_total_decides_who_audits(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, total: int, department: str
) -> None:
    order = await finished_order(session, site, now=clock(), estimate_fen=3_000_000)
    account = await steps.filed(order, total)
    assert account["department"] == department
    path = f"/v1/final-accounts/{account['id']}"
    right, wrong = (site.clerk, site.auditor) if department == "customer_service" else (site.auditor, site.clerk)
    for step, body in (("audit", audit(total)), ("return", {"reason": "退回"})):
        document = await refused(
            steps, session, f"{path}/{step}", wrong, body, status=403, code="other_department_audits"
        )
        assert document["rules"] == ["FIN-05", "ORG-21"]
    name = {"customer_service": "客服部", "audit_department": "审计核算部"}[department]
    assert document["detail"] == f"按金额,此决算由{name}审核。"
    audited = await steps.done(f"{path}/audit", right, audit(total - 1))
    assert (audited["status"], audited["audited_total_fen"]) == ("audited", total - 1)
    assert (audited["audited_by"], audited["audited_by_name"]) == (str(right.id), right.name)
    assert audited["total_fen"] == total  # what was claimed stays


@pytest.mark.rule("FIN-05")
async def test_a_returned_account_may_change_its_department(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    order = await finished_order(session, site, now=clock(), estimate_fen=3_000_000)
    account = await steps.filed(order, 2_000_000)
    path = f"/v1/final-accounts/{account['id']}"
    await steps.done(f"{path}/return", site.auditor, {"reason": "单价高于合同价"})
    line = {"description": "防水", "trade": "waterproofing", "unit": "项", "quantity": "1", "unit_price_fen": 1_999_999}
    headers = site.captain.headers | {"If-Match": "*"}
    edited = await steps.client.patch(path, json={"lines": [line]}, headers=headers)
    assert edited.json()["department"] == "customer_service"
    again = await steps.done(f"{path}/submission", site.captain)
    assert (again["department"], again["return_reason"]) == ("customer_service", None)
    assert (await steps.audited(again))["status"] == "audited"


@pytest.mark.rule("FIN-05")
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (audit(60_000), "audit_incomplete", "#/lines"),
        (audit(60_000, 40_000, 1), "audit_incomplete", "#/lines"),
        (
            {"lines": [{"position": 1, "audited_amount_fen": 1}, {"position": 1, "audited_amount_fen": 1}]},
            "audit_incomplete",
            "#/lines",
        ),
        (audit(60_000, 40_001), "audited_above_claimed", "#/lines/1/audited_amount_fen"),
        (audit(0, 0), "audited_to_nothing", "#/lines"),
        (audit(-1, 0), "validation_failed", "#/lines/0/audited_amount_fen"),
    ],
)
async def test_every_line_once_and_never_raised(
    steps: Steps,
    site: Site,
    session: AsyncSession,
    clock: FakeClock,
    body: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    account = await steps.filed(await finished_order(session, site, now=clock()), 60_000, 40_000)
    path = f"/v1/final-accounts/{account['id']}/audit"
    document = await refused(steps, session, path, site.clerk, body, status=422, code=code)
    assert document["errors"][0]["pointer"] == pointer


@pytest.mark.rule("FIN-05")
async def test_the_audit_keeps_its_cuts_and_comments(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    account = await steps.filed(await finished_order(session, site, now=clock()), 60_000, 40_000)
    body = {
        "lines": [
            {"position": 2, "audited_amount_fen": 0, "comment": "未见施工记录"},
            {"position": 1, "audited_amount_fen": 59_999},
        ]
    }
    audited = await steps.done(f"/v1/final-accounts/{account['id']}/audit", site.clerk, body)
    assert [(line["audited_amount_fen"], line["audit_comment"]) for line in audited["lines"]] == [
        (59_999, None),
        (0, "未见施工记录"),
    ]
    assert audited["audited_total_fen"] == 59_999
    path = f"/v1/final-accounts/{account['id']}"
    for step, by, sent in (
        ("audit", site.clerk, audit(1, 1)),
        ("return", site.clerk, {"reason": "再退"}),
        ("submission", site.captain, None),
    ):
        await refused(steps, session, f"{path}/{step}", by, sent, status=409, code="wrong_status")


@pytest.mark.rule("ORG-10")
@pytest.mark.rule("FIN-05")
async def test_nobody_audits_what_they_estimated_raised_or_prepared(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    surveyor = await people.staff("customer_relations_specialist")
    both = await people.staff("customer_relations_specialist", "auditor")
    order = await finished_order(
        session, site, now=clock(), makers={surveyor.id: "surveyed", both.id: "edited"}, estimate_fen=2_000_000
    )
    small = await finished_order(
        session, site, now=clock(), makers={surveyor.id: "surveyed", both.id: "edited"}, estimate_fen=100_000
    )
    large = await steps.filed(order, 2_000_000)
    path = f"/v1/final-accounts/{large['id']}"
    await refused(steps, session, f"{path}/audit", both, audit(2_000_000), status=403, code="own_work")
    account = await steps.filed(small, 100_000)
    path = f"/v1/final-accounts/{account['id']}"
    for maker in (surveyor, site.raiser, both):
        assert (await steps.read(path, maker))["allowed_actions"] == []
        await refused(steps, session, f"{path}/audit", maker, audit(100_000), status=403, code="own_work")
        await refused(steps, session, f"{path}/return", maker, {"reason": "x"}, status=403, code="own_work")
    assert (await steps.audited(account))["audited_by"] == str(site.clerk.id)


@pytest.mark.rule("FIN-05")
async def test_an_audit_reaches_as_far_as_its_scope(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    account = await steps.filed(await finished_order(session, site, now=clock()), 100_000)
    path = f"/v1/final-accounts/{account['id']}/audit"
    legal = await people.staff("legal_counsel")
    await refused(steps, session, path, legal, audit(100_000), status=403, code="other_department_audits")
    worker = await people.firm_user("repair_worker", firm_id=site.company.firm.id)
    await refused(steps, session, path, worker, audit(100_000), status=403, code="missing_scope")
    here = await people.staff("customer_relations_supervisor", project_id=site.org.project.id)
    assert (await steps.done(path, here, audit(100_000)))["status"] == "audited"
