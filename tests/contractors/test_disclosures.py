"""Clear values of firms: who sees which, for which case, within the hour's quota, and who sees that."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.accounts import NEW_ACCOUNT, entered
from tests.factories.cases import bare_ticket
from tests.factories.contractors import ACCOUNT, make_contractor, make_firm, make_property_company
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.contractors.models import Firm, FirmDisclosure, FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.timeline.models import Event


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock(), values={**DEMO_POLICY, "privacy.unmask_per_hour": 3})


@pytest.fixture
async def firm(session: AsyncSession, org: Org, people: Desk) -> Firm:
    return (await make_property_company(session, org, people)).firm


async def look(client: httpx.AsyncClient, actor: Actor, firm_id: UUID, field: str, **more: Any) -> httpx.Response:
    body = {"field": field, "purpose": "拨付结算书", **more}
    return await client.post(f"/v1/firms/{firm_id}/disclosures", json=body, headers=actor.headers)


async def counts(session: AsyncSession) -> tuple[Any, ...]:
    return tuple([await session.scalar(select(func.count()).select_from(one)) for one in (FirmDisclosure, Event)])


@pytest.mark.rule("OWN-08")
async def test_who_calls_sees_the_number_and_who_pays_the_account(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, firm: Firm, people: Desk, clock: FakeClock
) -> None:
    finance = await people.staff("finance_officer", project_id=org.project.id)
    specialist = await people.staff("customer_relations_specialist", project_id=org.project.id)
    clerk = await people.staff("records_clerk")
    own = await people.firm_user("property_company_manager", firm_id=firm.id)
    other = await make_firm(session, kind=FirmKind.CONTRACTOR, account=None)
    stranger = await people.firm_user("contractor_representative", firm_id=other.id)
    phone = await look(client, specialist, firm.id, "contact_phone")
    assert (phone.status_code, phone.json()["value"], phone.json()["remaining_this_hour"]) == (201, "+8657112345678", 2)
    for actor in (finance, own):
        shown = await look(client, actor, firm.id, "bank_account")
        assert (shown.status_code, shown.json()["value"]) == (201, ACCOUNT)
        assert shown.headers["cache-control"] == "no-store"
    before = await counts(session)
    engineer = await people.staff("engineering_material_engineer", project_id=org.project.id)
    for actor, firm_id, field, status, code in (
        (clerk, firm.id, "contact_phone", 403, "missing_scope"),
        (specialist, firm.id, "bank_account", 403, "bank_account_for_finance"),
        (finance, other.id, "contact_phone", 403, "out_of_reach"),
        (stranger, firm.id, "bank_account", 404, "firm_not_found"),
        (stranger, other.id, "bank_account", 409, "value_not_recorded"),
        (finance, firm.id, "proposed_bank_account", 409, "value_not_recorded"),
        (own, firm.id, "proposed_bank_account", 403, "bank_account_for_finance"),
    ):
        refused = await look(client, actor, firm_id, field)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert await counts(session) == before
    boss = await people.staff("engineering_material_engineer")
    await entered(client, session, firm_id=firm.id, project_id=org.project.id, by=boss, now=clock())
    for actor in (finance, engineer):
        shown = await look(client, actor, firm.id, "proposed_bank_account")
        assert shown.json()["value"] == NEW_ACCOUNT.replace(" ", "").replace("-", "")
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested():
            await session.execute(sa.text("UPDATE firm_disclosure SET purpose = 'x'"))


@pytest.mark.rule("OWN-07", "OWN-08")
async def test_looks_at_owners_and_at_firms_come_out_of_one_quota(
    client: httpx.AsyncClient,
    session: AsyncSession,
    state: AppState,
    org: Org,
    firm: Firm,
    people: Desk,
    clock: FakeClock,
) -> None:
    manager = await people.staff("customer_service_manager", project_id=org.project.id)
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    at_owner = f"/v1/owners/{owner.id}/disclosures"
    body = {"field": "mobile", "purpose": "约定上门"}

    async def at_the_owner() -> httpx.Response:
        return await client.post(at_owner, json=body, headers=manager.headers)

    assert (await look(client, manager, firm.id, "contact_phone")).json()["remaining_this_hour"] == 2
    clock.forward(minutes=10)
    assert (await at_the_owner()).json()["remaining_this_hour"] == 1
    assert (await look(client, manager, firm.id, "contact_phone")).json()["remaining_this_hour"] == 0
    before = await counts(session)
    for refused in (await look(client, manager, firm.id, "contact_phone"), await at_the_owner()):
        assert (refused.status_code, refused.json()["code"]) == (429, "disclosure_quota_spent")
        assert refused.headers["retry-after"] == "3000"
    assert await counts(session) == before
    colleague = await people.staff("customer_service_manager", project_id=org.project.id)
    assert (await look(client, colleague, firm.id, "contact_phone")).json()["remaining_this_hour"] == 2
    clock.forward(minutes=50)
    assert (await at_the_owner()).json()["remaining_this_hour"] == 0


@pytest.mark.rule("OWN-07")
async def test_the_strictest_project_of_the_firm_sets_the_quota(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, firm: Firm, people: Desk, clock: FakeClock
) -> None:
    stricter = await make_org(session, now=clock(), name="白鹭洲府")
    built = await make_contractor(session, org)
    manager = await people.staff("customer_service_manager")
    boss = await people.staff("general_manager")
    for place, quota in ((org, 3), (stricter, 1)):
        values: dict[str, Any] = {"level": "project", "target_id": str(place.project.id), "reason": "限额"}
        values |= {"values": {"privacy.unmask_per_hour": quota}}
        assert (await client.post("/v1/policies", json=values, headers=boss.headers)).status_code == 201
    assert (await look(client, manager, built.firm.id, "contact_phone")).json()["remaining_this_hour"] == 2
    await make_contractor(session, stricter, firm=built.firm)
    refused = await look(client, manager, built.firm.id, "contact_phone")
    assert (refused.status_code, refused.json()["code"]) == (429, "disclosure_quota_spent")


@pytest.mark.rule("OWN-08")
async def test_a_named_case_is_one_of_the_firm_s_and_open(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, firm: Firm, people: Desk, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="白鹭洲府")
    specialist = await people.staff("customer_relations_specialist", project_id=org.project.id)
    own = await people.firm_user("property_company_manager", firm_id=firm.id)
    given = await bare_ticket(session, org, now=clock(), firm_id=firm.id)
    not_given = await bare_ticket(session, org, now=clock())
    elsewhere = await bare_ticket(session, sibling, now=clock())
    before = await counts(session)
    for actor, ticket_id in ((specialist, elsewhere.id), (specialist, uuid4()), (own, not_given.id)):
        refused = await look(client, actor, firm.id, "contact_phone", ticket_id=str(ticket_id))
        assert refused.status_code == 422, refused.text
        assert [one["pointer"] for one in refused.json()["errors"]] == ["#/ticket_id"]
    assert await counts(session) == before
    for actor, ticket_id in ((specialist, not_given.id), (own, given.id)):
        shown = await look(client, actor, firm.id, "contact_phone", ticket_id=str(ticket_id))
        assert (shown.status_code, shown.json()["ticket_id"]) == (201, str(ticket_id)), shown.text
    await session.execute(sa.text("UPDATE ticket SET status = 'withdrawn' WHERE id = :id"), {"id": given.id})
    ended = await look(client, specialist, firm.id, "contact_phone", ticket_id=str(given.id))
    assert (ended.status_code, ended.json()["code"]) == (409, "firm_ticket_ended")


@pytest.mark.rule("OWN-08")
async def test_who_looked_is_listed_for_auditors_keepers_and_the_firm_itself(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    firm: Firm,
    people: Desk,
    clock: FakeClock,
    queries: QueryRecorder,
) -> None:
    finance = await people.staff("finance_officer", name="钱会计")
    engineer = await people.staff("engineering_material_engineer", name="陆工")
    auditor = await people.staff("auditor")
    own = await people.firm_user("property_company_manager", firm_id=firm.id)
    other = await make_firm(session, kind=FirmKind.CONTRACTOR)
    stranger = await people.firm_user("contractor_representative", firm_id=other.id)
    started = clock()
    await look(client, finance, firm.id, "bank_account")
    clock.forward(minutes=1)
    await look(client, engineer, firm.id, "contact_phone")
    await look(client, finance, other.id, "contact_phone")
    path = f"/v1/firms/{firm.id}/disclosures"
    for actor in (auditor, engineer, own):
        assert (await client.get(path, headers=actor.headers)).status_code == 200  # who calls is known from now on
        with queries:
            listed = await client.get(path, headers=actor.headers)
        assert queries.count == 2
        assert [(one["actor_name"], one["field"], one["purpose"]) for one in listed.json()["items"]] == [
            ("陆工", "contact_phone", "拨付结算书"),
            ("钱会计", "bank_account", "拨付结算书"),
        ]
        assert "value" not in listed.json()["items"][0]
    minute = started + timedelta(minutes=1)
    for query, wanted in (
        ({"actor_id": str(finance.id)}, ["钱会计"]),
        ({"actor_id": str(uuid4())}, []),
        ({"field": "contact_phone"}, ["陆工"]),
        ({"from": minute.isoformat()}, ["陆工"]),
        ({"to": minute.isoformat()}, ["钱会计"]),
        ({"from": started.isoformat(), "to": (minute + timedelta(seconds=1)).isoformat()}, ["陆工", "钱会计"]),
    ):
        found = await client.get(path, params=query, headers=auditor.headers)
        assert [one["actor_name"] for one in found.json()["items"]] == wanted, query
    assert (await client.get(path, headers=stranger.headers)).status_code == 404
    assert (await client.get(path, headers=finance.headers)).json()["code"] == "missing_scope"
