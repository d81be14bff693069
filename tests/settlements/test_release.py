"""Paying retention back: the opinion of customer service, open deductions, two people (FIN-11, reading 12)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.people import Actor, Desk
from tests.factories.settlements import Site, Steps, finished_order, refused

from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import RepairClass

OPINION = {"supported": True, "opinion": "保修期内质量稳定,维修配合及时,同意支付。"}


@pytest.fixture
async def manager(people: Desk) -> Actor:
    """Give the customer-service manager."""
    return await people.staff("customer_service_manager", name="李经理")


def path_of(account: dict[str, Any], release: dict[str, Any] | None = None, step: str = "") -> str:
    path = f"/v1/retention-accounts/{account['id']}/release-requests"
    return path if release is None else f"{path}/{release['id']}{'/' if step else ''}{step}"


@pytest.mark.rule("FIN-11")
async def test_retention_is_paid_back_with_the_opinion_of_customer_service(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, manager: Actor
) -> None:
    account = await steps.retention(100_000)
    await steps.paid(await steps.ready_to_pay(await finished_order(session, site, now=clock()), 30_000))
    answer = await steps.post(path_of(account), site.finance, {"amount_fen": 70_000, "note": "缺陷责任期满"})
    release = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == path_of(account, release)
    assert (release["status"], release["amount_fen"], release["allowed_actions"]) == (
        "requested",
        70_000,
        ["withdrawal"],
    )
    assert (await steps.read(path_of(account, release), manager))["allowed_actions"] == ["opinion"]
    await refused(
        steps,
        session,
        path_of(account, release, "release"),
        site.second_finance,
        status=409,
        code="wrong_status",
        key=True,
    )
    supported = await steps.done(path_of(account, release, "opinion"), manager, OPINION)
    assert (supported["status"], supported["opinion_by_name"]) == ("supported", "李经理")
    path = path_of(account, release, "release")
    await refused(steps, session, path, site.second_finance, status=400, code="idempotency_key_missing")
    await refused(steps, session, path, site.finance, status=403, code="own_work", key=True)
    released = await steps.done(path, site.second_finance, key=True)
    assert (released["status"], released["released_by"]) == ("released", str(site.second_finance.id))
    position = await steps.read(f"/v1/retention-accounts/{account['id']}", site.builder)
    assert {name: position[name] for name in ("opening_fen", "deducted_fen", "released_fen", "balance_fen")} == {
        "opening_fen": 100_000,
        "deducted_fen": 30_000,
        "released_fen": 70_000,
        "balance_fen": 0,
    }
    trial = await steps.read("/v1/ledger/trial-balance")
    assert (trial["balanced"], trial["balance_fen"]) == (True, 0)
    await refused(steps, session, path, site.second_finance, status=409, code="wrong_status", key=True)
    assert [item["id"] for item in (await steps.read(path_of(account)))["items"]] == [release["id"]]
    kinds = select(Event.kind).where(Event.subject_id == UUID(account["id"])).order_by(Event.seq)
    assert list(await session.scalars(kinds)) == [
        "retention.opened",
        "retention.release_requested",
        "retention.release_opinion_given",
        "retention.released",
    ]


@pytest.mark.rule("FIN-11")
async def test_an_opinion_against_it_ends_the_request(
    steps: Steps, site: Site, session: AsyncSession, manager: Actor, people: Desk
) -> None:
    account = await steps.retention(100_000)
    body = {"amount_fen": 100_001}
    await refused(steps, session, path_of(account), site.finance, body, status=409, code="balance_too_small")
    body["amount_fen"] = 100_000
    await refused(steps, session, path_of(account), site.clerk, body, status=403, code="missing_scope")
    both = await people.staff("finance_officer", "customer_service_manager")
    release = await steps.done(path_of(account), both, body)
    await refused(steps, session, path_of(account), site.finance, body, status=409, code="retention_release_open")
    opinion = path_of(account, release, "opinion")
    await refused(steps, session, opinion, site.clerk, OPINION, status=403, code="missing_scope")
    await refused(steps, session, opinion, both, OPINION, status=403, code="own_work")
    opposed = await steps.done(opinion, manager, {"supported": False, "opinion": "渗漏反复,配合不力,不同意支付。"})
    assert (opposed["status"], opposed["allowed_actions"]) == ("opposed", [])
    await refused(
        steps,
        session,
        path_of(account, release, "release"),
        site.second_finance,
        status=409,
        code="wrong_status",
        key=True,
    )
    assert (await steps.done(path_of(account), site.finance, body))["status"] == "requested"


@pytest.mark.rule("FIN-11")
async def test_not_before_every_class_a_deduction_of_the_contract_is_booked(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, manager: Actor
) -> None:
    account = await steps.retention(100_000)
    release = await steps.done(path_of(account), site.finance, {"amount_fen": 90_000})
    await steps.done(path_of(account, release, "opinion"), manager, OPINION)
    path = path_of(account, release, "release")

    async def waiting(count: int) -> None:
        found = await refused(steps, session, path, site.second_finance, status=409, code="deductions_open", key=True)
        assert f" {count} " in found["detail"]
        assert (await steps.read(path_of(account, release), site.second_finance))["allowed_actions"] == ["withdrawal"]

    filed = await steps.filed(await finished_order(session, site, now=clock()), 20_000)
    await waiting(1)
    second = await steps.settlement(await finished_order(session, site, now=clock()), 15_000)
    b_order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    await steps.settlement(b_order, 99_000)
    await waiting(2)
    first = await steps.written(await steps.audited(filed))
    for settlement in (first, second):
        await steps.answered(await steps.notified(settlement))
        await steps.certified(settlement)
        await steps.paid(settlement)
    # 65,000 are left: the request of 90,000 can't be paid any more.
    await refused(steps, session, path, site.second_finance, status=409, code="balance_too_small", key=True)
    assert (await steps.read(f"/v1/retention-accounts/{account['id']}"))["balance_fen"] == 65_000
    gone = await steps.done(path_of(account, release, "withdrawal"), site.finance, {"reason": "余额不足"})
    assert (gone["status"], gone["allowed_actions"]) == ("withdrawn", [])
    await refused(
        steps,
        session,
        path_of(account, release, "withdrawal"),
        site.finance,
        {"reason": "再撤"},
        status=409,
        code="wrong_status",
    )
    assert (await steps.done(path_of(account), site.finance, {"amount_fen": 65_000}))["status"] == "requested"


@pytest.mark.rule("FIN-11")
async def test_requests_belong_to_their_account_and_its_readers(
    steps: Steps, site: Site, session: AsyncSession, people: Desk, manager: Actor
) -> None:
    account = await steps.retention(100_000)
    release = await steps.done(path_of(account), site.finance, {"amount_fen": 1})
    elsewhere = await people.staff("finance_officer", project_id=UUID(int=5))
    nowhere = {"id": str(UUID(int=8))}
    for path, actor, code in (
        (path_of(account), elsewhere, "retention_account_not_found"),
        (path_of(account, release), elsewhere, "retention_account_not_found"),
        (path_of(account, nowhere), site.finance, "retention_release_not_found"),
        (path_of(nowhere, release), site.finance, "retention_account_not_found"),
    ):
        answer = await steps.client.get(path, headers=actor.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert (await steps.read(path_of(account, release), site.builder))["allowed_actions"] == []
    await refused(
        steps,
        session,
        path_of(account, nowhere, "opinion"),
        manager,
        OPINION,
        status=404,
        code="retention_release_not_found",
    )
