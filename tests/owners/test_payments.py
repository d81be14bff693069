"""Money received under purchase contracts, taken back; reminders; what is due; the owner's own look."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.payments import make_plan, pay, reverse
from tests.factories.people import Actor, Desk
from tests.factories.records import get, post, refused, rows

from ownercare_api.core.http.state import AppState
from ownercare_api.owners import payments_due
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.owners.models_payments import Instalment, InstalmentPayment, InstalmentReversal
from ownercare_api.timeline.models import Event

TODAY = date(2026, 11, 20)
LIST = "/v1/contract-payments"


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def owner(session: AsyncSession, org: Org, state: AppState) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


@pytest.fixture
async def instalments(session: AsyncSession, owner: Owner) -> list[Instalment]:
    """Two days late, due today, due in a month."""
    ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == owner.id))
    assert ownership is not None
    parts = [(10_000, date(2026, 11, 18)), (80_000, TODAY), (210_000, date(2026, 12, 20))]
    return (await make_plan(session, ownerships=[ownership], parts=parts))[1]


@pytest.fixture
async def cashier(people: Desk, org: Org) -> Actor:
    return await people.staff("finance_officer", project_id=org.project.id)


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("customer_relations_specialist", project_id=org.project.id)


async def received(session: AsyncSession, instalment: Instalment) -> tuple[int, int]:
    """Return the balance of an instalment, and the sum of its payments that count."""
    session.expunge_all()
    balance = await session.scalar(select(Instalment.received_fen).where(Instalment.id == instalment.id))
    gone = select(InstalmentReversal.payment_id)
    total = select(func.coalesce(func.sum(InstalmentPayment.amount_fen), 0)).where(
        InstalmentPayment.instalment_id == instalment.id, InstalmentPayment.id.not_in(gone)
    )
    return int(balance or 0), int(await session.scalar(total) or 0)


@pytest.mark.rule("OWN-13", "SAL-04")
async def test_money_comes_in_parts_and_never_more_than_is_open(
    client: httpx.AsyncClient, session: AsyncSession, instalments: list[Instalment], cashier: Actor
) -> None:
    late = instalments[0]
    path = str(late.id)
    one = await pay(client, cashier, path, amount_fen=4_000, reference="POS-1")
    assert one.status_code == 201, one.text
    assert (one.json()["received_fen"], one.json()["open_fen"], one.json()["state"]) == (4_000, 6_000, "overdue")
    before = await rows(session)
    for more, status, code in (
        ({"amount_fen": 6_001}, 409, "payment_exceeds_open"),
        ({"amount_fen": 1_000, "reference": "POS-1"}, 409, "payment_known"),
        ({"amount_fen": 1_000, "received_on": "2026-11-21"}, 422, "received_in_future"),
        ({"amount_fen": 0}, 422, "validation_failed"),
    ):
        answer = await pay(client, cashier, path, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    bare = {"amount_fen": 1, "received_on": "2026-11-20", "reference": "POS-9"}
    assert await refused(client, f"{LIST}/{path}/payments", cashier, **bare) == (400, "idempotency_key_missing")
    assert await rows(session) == before
    assert await received(session, late) == (4_000, 4_000)
    full = (await pay(client, cashier, path, amount_fen=6_000, reference="POS-2")).json()
    assert (full["state"], full["overdue_days"], full["allowed_actions"]) == ("paid", 0, ["reversal"])
    assert [(one["amount_fen"], one["reference"]) for one in full["payments"]] == [(4_000, "POS-1"), (6_000, "POS-2")]
    part = (await pay(client, cashier, str(instalments[2].id), amount_fen=1)).json()
    assert (part["state"], part["open_fen"]) == ("partly_paid", 209_999)
    assert await received(session, late) == (10_000, 10_000)


@pytest.mark.rule("OWN-13")
async def test_a_key_that_is_sent_twice_records_one_payment(
    client: httpx.AsyncClient, session: AsyncSession, instalments: list[Instalment], cashier: Actor
) -> None:
    body = {"amount_fen": 4_000, "received_on": "2026-11-20", "reference": "POS-1"}
    headers = cashier.headers | {"Idempotency-Key": "one"}
    path = f"{LIST}/{instalments[0].id}/payments"
    answers = [await client.post(path, json=body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert await received(session, instalments[0]) == (4_000, 4_000)


@pytest.mark.rule("OWN-13")
async def test_a_payment_is_taken_back_once_by_somebody_else(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    people: Desk,
    instalments: list[Instalment],
    cashier: Actor,
) -> None:
    other = await people.staff("finance_officer", project_id=org.project.id)
    paid = (await pay(client, cashier, str(instalments[0].id), amount_fen=10_000, reference="POS-1")).json()
    place, payment = paid["id"], paid["payments"][0]["id"]
    machine = await people.machine("contract_payments:record", "contract_payments:read")
    before = await rows(session)
    for actor, where, status, code in (
        (cashier, place, 403, "own_payment"),
        (machine, place, 403, "employee_required"),
        (other, str(instalments[1].id), 404, "payment_not_found"),
    ):
        answer = await reverse(client, actor, where, payment)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await rows(session) == before
    back = (await reverse(client, other, place, payment)).json()
    assert (back["received_fen"], back["state"], back["overdue_days"]) == (0, "overdue", 2)
    (kept,) = back["payments"]
    assert (kept["amount_fen"], kept["reason"], kept["reversed_by"]) == (10_000, "银行退回", str(other.id))
    again = await reverse(client, other, place, payment)
    assert (again.status_code, again.json()["code"]) == (409, "payment_reversed")
    # The reference is free again.
    assert (await pay(client, other, place, amount_fen=10_000, reference="POS-1")).status_code == 201
    assert await received(session, instalments[0]) == (10_000, 10_000)


@pytest.mark.rule("OWN-13")
async def test_the_clerk_finds_who_is_to_be_reminded(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    state: AppState,
    owner: Owner,
    instalments: list[Instalment],
    clerk: Actor,
    queries: QueryRecorder,
) -> None:
    second = await make_owner(session, state.keyring, name="李建国", phone=None, units=[org.units[1]])
    ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == second.id))
    assert ownership is not None
    (more,) = (await make_plan(session, ownerships=[ownership], parts=[(500, date(2026, 11, 1))]))[1]
    found = await get(client, LIST, clerk, include_total=True)
    assert [one["id"] for one in found["items"]] == [str(one.id) for one in (more, *instalments)]
    assert found["total"] == 4
    assert [(one["state"], one["overdue_days"]) for one in found["items"]] == [
        ("overdue", 19), ("overdue", 2), ("open", 0), ("open", 0),
    ]  # fmt: skip
    looked = await session.scalar(select(OwnerLook.owner_ids).order_by(OwnerLook.id.desc()).limit(1))
    assert looked == sorted([owner.id, second.id])

    async def ids(**query: str) -> list[str]:
        return [one["id"] for one in (await get(client, LIST, clerk, **query))["items"]]

    first, today, next_month = (str(one.id) for one in instalments)
    assert await ids(state="overdue") == [str(more.id), first]
    assert await ids(state="overdue", owner_id=str(owner.id)) == [first]
    assert await ids(state="open", project_id=str(org.project.id)) == [today, next_month]
    assert await ids(due_from="2026-11-18", due_to="2026-11-20") == [first, today]
    assert await ids(unit_id=str(org.units[1].id)) == [str(more.id)]
    assert await ids(state="paid") == await ids(state="partly_paid") == await ids(state="ended") == []
    pages, cursor = [], None
    while True:
        page = await get(client, LIST, clerk, limit=1, **({"cursor": cursor} if cursor else {}))
        pages += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [str(more.id), first, today, next_month]
    with queries:
        await get(client, LIST, clerk)
    assert queries.count == 3  # the instalments, their buyers, the look


@pytest.mark.rule("OWN-13")
async def test_an_attempt_to_remind_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, instalments: list[Instalment], clerk: Actor, cashier: Actor
) -> None:
    path = f"{LIST}/{instalments[0].id}/reminders"
    made = await post(client, path, clerk, channel="phone", reached=False, note="无人接听")
    made = await post(client, path, clerk, channel="wechat", reached=True)
    assert (made["reminders"], made["allowed_actions"]) == (2, ["reminders"])
    assert [(one["channel"], one["reached"], one["note"]) for one in made["reminded"]] == [
        ("phone", False, "无人接听"), ("wechat", True, None),
    ]  # fmt: skip
    await pay(client, cashier, str(instalments[0].id), amount_fen=10_000)
    before = await rows(session)
    assert await refused(client, path, clerk, channel="phone", reached=True) == (409, "nothing_open")
    assert await refused(client, path, cashier, channel="phone", reached=True) == (403, "missing_scope")
    assert await rows(session) == before


@pytest.mark.rule("OWN-13")
async def test_nothing_is_asked_for_after_the_ownership_has_ended(
    client: httpx.AsyncClient, session: AsyncSession, owner: Owner, instalments: list[Instalment], clerk: Actor
) -> None:
    ownership = await session.scalar(select(Ownership).where(Ownership.owner_id == owner.id))
    assert ownership is not None
    await post(client, f"/v1/ownerships/{ownership.id}/end", clerk, to_date="2026-11-20")
    found = (await get(client, LIST, clerk))["items"]
    assert [one["state"] for one in found] == ["ended", "ended", "ended"]
    assert len((await get(client, LIST, clerk, state="ended"))["items"]) == 3
    path = f"{LIST}/{instalments[0].id}/reminders"
    assert await refused(client, path, clerk, channel="phone", reached=True) == (409, "nothing_open")


@pytest.mark.rule("OWN-13")
async def test_what_became_due_or_overdue_is_recorded_once_and_after_a_standstill(
    session: AsyncSession, instalments: list[Instalment], clock: FakeClock
) -> None:
    async def noted() -> list[tuple[str, str]]:
        kinds = Event.kind.in_(("contract_payment.due", "contract_payment.overdue"))
        found = await session.execute(select(Event.kind, Event.data).where(kinds).order_by(Event.seq))
        return [(row.kind.partition(".")[2], row.data["instalment_id"]) for row in found]

    first, today, next_month = (str(one.id) for one in instalments)
    assert await payments_due.note(session, now=clock(), limit=10) == 2
    assert await noted() == [("due", first), ("overdue", first), ("due", today)]
    assert await payments_due.note(session, now=clock(), limit=10) == 0
    # The worker stood still for two months, and a payment came in meanwhile.
    instalments[1].received_fen = instalments[1].amount_fen
    await session.flush()
    assert await payments_due.note(session, now=clock() + timedelta(days=61), limit=10) == 1
    assert (await noted())[3:] == [("due", next_month), ("overdue", next_month)]
    # Another due day begins anew.
    instalments[2].due_on, instalments[2].due_noted_on = date(2027, 6, 30), None
    instalments[2].overdue_noted_on = None
    await session.flush()
    assert await payments_due.note(session, now=clock() + timedelta(days=62), limit=10) == 0


@pytest.mark.rule("OWN-13", "OWN-10")
async def test_the_owner_and_the_page_about_him_show_the_plan(
    client: httpx.AsyncClient,
    people: Desk,
    state: AppState,
    session: AsyncSession,
    org: Org,
    owner: Owner,
    instalments: list[Instalment],
    cashier: Actor,
    clerk: Actor,
) -> None:
    other = await people.staff("finance_officer", project_id=org.project.id)
    wrong = (await pay(client, cashier, str(instalments[0].id), amount_fen=1_000, reference="POS-1")).json()
    await reverse(client, other, wrong["id"], wrong["payments"][0]["id"])
    await pay(client, cashier, str(instalments[0].id), amount_fen=10_000, reference="POS-2")
    login = await people.owner(owner.id)
    (plan,) = (await get(client, "/v1/my/payment-plans", login))["items"]
    assert (plan["price_fen"], plan["address"]) == (300_000, org.units[0].address)
    assert [one["state"] for one in plan["instalments"]] == ["paid", "open", "open"]
    assert [one["reference"] for one in plan["instalments"][0]["payments"]] == ["POS-2"]
    stranger = await people.owner((await make_owner(session, state.keyring, phone=None, units=[org.units[1]])).id)
    assert (await get(client, "/v1/my/payment-plans", stranger))["items"] == []
    page = await get(client, f"/v1/owners/{owner.id}/page", clerk, sections="contract_payments")
    items = page["sections"]["contract_payments"]["items"]
    assert [(one["state"], one["open_fen"]) for one in items] == [("paid", 0), ("open", 80_000), ("open", 210_000)]
    rest = await get(client, f"/v1/owners/{owner.id}/page", clerk, sections="contract_payments", limit=2)
    cursor = rest["sections"]["contract_payments"]["next_cursor"]
    more = await get(client, f"/v1/owners/{owner.id}/page", clerk, sections="contract_payments", limit=2, cursor=cursor)
    assert [one["id"] for one in more["sections"]["contract_payments"]["items"]] == [str(instalments[2].id)]
