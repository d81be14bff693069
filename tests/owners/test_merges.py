"""Duplicates are found, told apart or merged; a merge moves everything and loses nothing, also when merges race."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, add_phone, make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import enter_change, get, names, post, refused, rows

from ownercare_api import wiring
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account, AccountKind, AuthSession
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.owners import merges, repository_changes
from ownercare_api.owners.models import Disclosure, Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_changes import OwnerTwin
from ownercare_api.owners.models_records import HouseholdMember
from ownercare_api.owners.service import OwnerMerged
from ownercare_api.tables import metadata
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline.models import Event

DOCUMENT = "330106198503078528"
HISTORY = {("disclosure", "owner_id"), ("owner_sharing", "owner_id"), ("owner_merge", "survivor_id"),
           ("owner_merge", "merged_id"), ("account", "owner_id")}  # fmt: skip
"""What may go on pointing at a merged record: history that is never rewritten, and its login, which is closed."""


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def manager(people: Desk, org: Org) -> Actor:
    return await people.staff("customer_service_manager", project_id=org.project.id)


async def pointing_at(session: AsyncSession, owner_id: UUID) -> dict[tuple[str, str], int]:
    """Count, over every foreign key to an owner, the rows that point at one."""
    found = {}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if any(key.column.table.name == "owner" for key in column.foreign_keys):
                query = select(func.count()).select_from(table).where(column == owner_id)
                count = int((await session.execute(query)).scalar_one())
                if count:
                    found[(table.name, column.name)] = count
    return found


async def fill(client: httpx.AsyncClient, session: AsyncSession, manager: Actor, owner: Owner, org: Org) -> None:
    """Give an owner a row of every kind over HTTP."""
    path = f"/v1/owners/{owner.id}"
    contact = await post(client, f"{path}/contacts", manager, name="李建国", relation="spouse", number="13911112222")
    await post(
        client,
        f"/v1/units/{org.units[0].id}/households",
        manager,
        name=f"{owner.name}家",
        from_date="2026-01-10",
        members=[{"owner_id": str(owner.id), "is_head": True}, {"contact_id": contact["id"]}],
    )
    await post(client, f"{path}/consents", manager, purpose="events", channel="phone", text_version="1")
    await enter_change(client, manager, owner_id=owner.id, changes={"name": "另一个名字"})
    body = {"owner_id": str(owner.id), "checked_fields": ["name"], "method": "called_back", "outcome": "accurate"}
    await post(client, "/v1/information-audits", manager, **body)
    shown = {"field": "mobile", "purpose": "核对号码"}
    await post(client, f"{path}/disclosures", manager, **shown)


@pytest.mark.rule("OWN-12")
async def test_everything_moves_and_nothing_is_lost(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    manager: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    boss = await people.staff("customer_service_manager")
    stays = await make_owner(session, state.keyring, units=[org.units[0]], share_bp=3000)
    goes = await make_owner(
        session, state.keyring, units=[org.units[0], org.units[1]], share_bp=4000, document_number=DOCUMENT
    )
    other = await make_owner(session, state.keyring, name="李四", phone=None, units=[org.units[1]], share_bp=1)
    await add_phone(session, state.keyring, owner=goes, phone="13700001111")
    goes.occupation, goes.preferences, stays.preferences = "教师", "晚上联系", "先发短信"
    case = await bare_ticket(session, org, now=clock())
    case.owner_id = goes.id
    await session.flush()
    for owner in (stays, goes):
        await fill(client, session, manager, owner, org)
    group = await post(client, "/v1/owner-groups", boss, code="vip", name="重点客户", purpose="专人服务")
    own = await post(client, "/v1/owner-groups", boss, code="new", name="新业主", purpose="首年关怀")
    tags = [await post(client, "/v1/owner-tags", boss, code=code, name="标签") for code in ("a", "b")]
    for owner, its_groups, its_tags in ((stays, [group], tags[:1]), (goes, [group, own], tags)):
        for one in its_groups:
            await post(client, f"/v1/owners/{owner.id}/groups", manager, group_id=one["id"])
        for one in its_tags:
            await post(client, f"/v1/owners/{owner.id}/tags", manager, tag_id=one["id"])
    await post(client, "/v1/owner-distinctions", manager, owner_ids=[str(goes.id), str(other.id)], reason="父子")
    login = Account(id=uuid7(), kind=AccountKind.OWNER, username="o1", name="业主", post="owner", owner_id=goes.id)
    session.add(login)
    await session.flush()
    opened = AuthSession(
        id=uuid7(), account_id=login.id, created_at=clock(), expires_at=clock(), refresh_digest=b"", generation=1
    )
    session.add(opened)
    await session.flush()
    before = await rows(session)
    both = {key: (await pointing_at(session, stays.id)).get(key, 0) + count
            for key, count in (await pointing_at(session, goes.id)).items()}  # fmt: skip
    made = await post(
        client, "/v1/owner-merges", manager, survivor_id=str(stays.id), merged_id=str(goes.id), reason="重复建档"
    )
    # No table points at the merged record but history, its closed login and the tombstone itself.
    left = await pointing_at(session, goes.id)
    assert set(left) <= HISTORY, left
    await session.refresh(login)
    await session.refresh(opened)
    assert (login.disabled_at, opened.revoked_because) == (clock(), "owner_merged")
    # Nothing else is lost: as many rows of every kind, but for the number and the tag that both had.
    after = await rows(session)
    gone = {name: before[name] - after[name] for name in before if before[name] > after[name]}
    assert gone == {"owner_phone": 1, "owner_tagging": 1, "owner_twin": 1}  # the two were a pair of possible duplicates
    here = await pointing_at(session, stays.id)
    for key, count in both.items():
        lost = {"owner_phone": 1, "owner_tagging": 1}.get(key[0], 0)
        if key not in HISTORY and key[0] != "owner_twin":
            assert here[key] == count - lost, key
    shares = await session.execute(
        select(Ownership.unit_id, func.sum(Ownership.share_bp))
        .where(Ownership.owner_id == stays.id)
        .group_by(Ownership.unit_id)
    )
    assert {row[0]: row[1] for row in shares} == {org.units[0].id: 7000, org.units[1].id: 4000}
    phones = await session.scalars(select(OwnerPhone.is_primary).where(OwnerPhone.owner_id == stays.id))
    assert sorted(phones) == [False, True]
    heads = await session.scalars(select(HouseholdMember.is_head).where(HouseholdMember.owner_id == stays.id))
    assert list(heads) == [True, True]  # of two households
    assert made["moved"]["tickets"] == 1
    # Gaps are filled, and what differs is kept.
    record = await get(client, f"/v1/owners/{stays.id}", manager)
    assert (record["document_masked"], record["occupation"]) == ("3****************8", "教师")
    assert record["preferences"] == "先发短信\n晚上联系"
    # Old ids keep resolving.
    old = await client.get(f"/v1/owners/{goes.id}", headers=manager.headers)
    assert (old.status_code, old.headers["location"]) == (308, f"/v1/owners/{stays.id}")
    write = await client.post(f"/v1/owners/{goes.id}/tags", json={"tag_id": tags[0]["id"]}, headers=manager.headers)
    assert (write.status_code, write.json()["code"]) == (409, "owner_merged")
    assert write.headers["location"] == f"/v1/owners/{stays.id}"
    assert await names(client, manager) == ["李四", "王秀英"]
    found = await client.post("/v1/owner-searches", json={"document_number": DOCUMENT}, headers=manager.headers)
    assert [one["id"] for one in found.json()["items"]] == [str(stays.id)]
    # The history of both is read under the survivor.
    seen = await get(client, f"/v1/owners/{stays.id}/disclosures", manager)
    assert len(seen["items"]) == 2
    assert await session.scalar(select(func.count()).select_from(Disclosure).where(Disclosure.owner_id == goes.id)) == 1
    looked = (await get(client, f"/v1/owners/{stays.id}/looks", manager, limit=200))["items"]
    assert len([one for one in looked if one["look"] == "disclosure"]) == 2
    apart = (await session.execute(text("SELECT first_id, second_id FROM owner_distinct"))).one()
    assert set(apart) == {stays.id, other.id}
    merged_events = select(Event.kind).where(Event.kind.in_(["ticket.owner_merged", "owner.absorbed", "owner.merged"]))
    kinds = list(await session.scalars(merged_events.order_by(Event.seq)))
    assert kinds == ["ticket.owner_merged", "owner.absorbed", "owner.merged"]
    listed = (await get(client, "/v1/owner-merges", manager))["items"]
    assert [(one["merged_id"], one["reason"]) for one in listed] == [(str(goes.id), "重复建档")]


async def test_merges_in_a_row_lead_straight_to_the_last_record(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, manager: Actor, state: AppState
) -> None:
    chain = [
        await make_owner(session, state.keyring, name=name, phone=None, units=[org.units[0]], share_bp=1)
        for name in ("甲", "乙", "丙")
    ]
    for merged, survivor in ((chain[0], chain[1]), (chain[1], chain[2])):
        await post(
            client, "/v1/owner-merges", manager, survivor_id=str(survivor.id), merged_id=str(merged.id), reason="重复"
        )
    for one in chain[:2]:
        answer = await client.get(f"/v1/owners/{one.id}", headers=manager.headers)
        assert (answer.status_code, answer.headers["location"]) == (308, f"/v1/owners/{chain[2].id}")
    found = await client.post("/v1/owner-searches", json={"name": "甲"}, headers=manager.headers)
    assert [one["name"] for one in found.json()["items"]] == ["丙"]
    assert len((await get(client, "/v1/owner-merges", manager))["items"]) == 2


async def test_who_does_not_reach_every_project_of_both_merges_nothing(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    manager: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    here = await make_owner(session, state.keyring, units=[org.units[0]])
    there = await make_owner(session, state.keyring, units=[sibling.units[0]])
    wide = await make_owner(session, state.keyring, units=[org.units[1]])
    await add_ownership(session, owner=wide, unit=sibling.units[1])
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    stranger = await people.staff("customer_service_manager", project_id=sibling.project.id)
    before = await rows(session)
    for actor, one, other, status, code in (
        (manager, here, wide, 403, "out_of_reach"),
        (manager, here, there, 404, "owner_not_found"),
        (stranger, there, here, 404, "owner_not_found"),
        (clerk, here, wide, 403, "missing_scope"),
        (manager, here, here, 422, "same_record"),
    ):
        body = {"survivor_id": str(one.id), "merged_id": str(other.id), "reason": "x"}
        assert await refused(client, "/v1/owner-merges", actor, **body) == (status, code)
        pair = {"owner_ids": [str(one.id), str(other.id)], "reason": "x"}
        assert await refused(client, "/v1/owner-distinctions", actor, **pair) == (status, code)
    assert await rows(session) == before
    hidden = await client.get(f"/v1/owners/{there.id}", headers=manager.headers)
    assert hidden.status_code == 404


@pytest.mark.rule("OWN-12")
async def test_duplicates_are_offered_until_they_are_told_apart(
    client: httpx.AsyncClient,
    session: AsyncSession,
    people: Desk,
    org: Org,
    manager: Actor,
    state: AppState,
    clock: FakeClock,
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    one = await make_owner(session, state.keyring, name="王秀英", phone="13800000001", units=[org.units[0]])
    two = await make_owner(session, state.keyring, name="王秀瑛", phone="13800000001", units=[org.units[0]])
    await make_owner(session, state.keyring, name="李四", phone="13800000001", units=[org.units[0]])
    far = await make_owner(session, state.keyring, name="王秀英", phone="13800000001", units=[sibling.units[0]])
    twins = [
        await make_owner(session, state.keyring, name=name, phone=None, units=[org.units[1]], document_number=DOCUMENT)
        for name in ("甲", "乙")
    ]
    one.birth_date = two.birth_date = date(1985, 3, 7)
    await session.flush()

    async def offered(actor: Actor, **query: Any) -> list[tuple[set[str], list[str]]]:
        found = (await get(client, "/v1/owner-duplicates", actor, **query))["items"]
        return [({owner["id"] for owner in pair["owners"]}, pair["reasons"]) for pair in found]

    known = ({str(one.id), str(two.id)}, ["same_name_and_birth", "same_phone_and_name"])
    assert await offered(manager) == [({str(x.id) for x in twins}, ["same_document"]), known]
    assert await offered(manager, owner_id=str(two.id)) == [known]
    everywhere = await people.staff("customer_service_manager")
    assert ({str(one.id), str(far.id)}, ["same_phone_and_name"]) in await offered(everywhere)
    assert await offered(everywhere, project_id=str(sibling.project.id), limit=1) != []
    page = await get(client, "/v1/owner-duplicates", manager, limit=1)
    rest = await get(client, "/v1/owner-duplicates", manager, limit=1, cursor=page["next_cursor"])
    assert {owner["id"] for owner in rest["items"][0]["owners"]} == known[0]
    # Two that were entered at the same moment did not see each other: the daily comparison finds them.
    await session.execute(sa.delete(OwnerTwin))
    assert await offered(manager) == []
    await repository_changes.refresh_twins(session, since=clock() - timedelta(days=3))
    assert await offered(manager, owner_id=str(two.id)) == [known]
    pair = [str(two.id), str(one.id)]
    await post(client, "/v1/owner-distinctions", manager, owner_ids=pair, reason="姐妹,共用电话")
    assert [ids for ids, _ in await offered(manager)] == [{str(x.id) for x in twins}]


GRANT = Grant(
    "customer_service_manager", frozenset({"owners:read", "owners:write", "owners:merge"}), Reach(everywhere=True)
)


def somebody() -> Principal:
    return Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="主管", grants=(GRANT,))


async def outcome(database: PooledDatabase, work: Callable[[AsyncSession], Awaitable[Any]]) -> type[Exception] | None:
    async with database.session() as session:
        try:
            await work(session)
            await session.commit()
        except DomainError as refusal:
            return type(refusal)
        return None


@pytest.mark.slow
@pytest.mark.rule("OWN-12")
async def test_crossing_merges_leave_one_survivor_and_cases_follow(committed: PooledDatabase) -> None:
    """A into B and B into A at once, while a case is registered for each: one merge wins, and has every case."""
    keyring, trials, hooks = Keyring.from_master(MASTER), 20, wiring.owner_hooks()
    async with committed.session() as session:
        org = await make_org(session, now=FRIDAY_NOON, units=1)
        pairs = [
            tuple([
                await make_owner(session, keyring, name=name, phone=None, units=[org.units[0]], share_bp=1)
                for name in ("甲", "乙")
            ])
            for _ in range(trials)
        ]  # fmt: skip
        await session.commit()

    async def merge(session: AsyncSession, survivor: Owner, merged: Owner) -> None:
        await merges.merge(
            session, survivor_id=survivor.id, merged_id=merged.id, reason="重复", hooks=hooks, principal=somebody(),
            now=FRIDAY_NOON,
        )  # fmt: skip

    async def register(session: AsyncSession, owner: Owner) -> None:
        ticket = await bare_ticket(session, org, now=FRIDAY_NOON)
        copied = sa.insert(Ticket).from_select(
            [column.name for column in Ticket.__table__.c],
            select(*(
                sa.literal(uuid7()) if column.name == "id"
                else sa.literal(owner.id) if column.name == "owner_id"
                else sa.func.concat(column, "-b") if column.name == "number"
                else column
                for column in Ticket.__table__.c
            )).where(Ticket.id == ticket.id),
        )  # fmt: skip
        await session.execute(copied)

    for one, other in pairs:
        results = await asyncio.gather(
            outcome(committed, lambda session, a=one, b=other: merge(session, a, b)),  # type: ignore[misc]
            outcome(committed, lambda session, a=one: register(session, a)),  # type: ignore[misc]
            outcome(committed, lambda session, b=other: register(session, b)),  # type: ignore[misc]
            outcome(committed, lambda session, a=one, b=other: merge(session, b, a)),  # type: ignore[misc]
        )
        assert sorted(str(results[place]) for place in (0, 3)) == sorted(map(str, (None, OwnerMerged))), results
        assert (results[1], results[2]) == (None, None)
    async with committed.session() as session:
        merged = {row.id: row.merged_into for row in await session.execute(select(Owner.id, Owner.merged_into))}
        assert len([one for one in merged.values() if one is not None]) == trials
        for one, other in pairs:
            gone, stays = (one.id, other.id) if merged[one.id] else (other.id, one.id)
            assert (merged[gone], merged[stays]) == (stays, None)
            left = await pointing_at(session, gone)
            assert set(left) <= HISTORY, left
            cases = await session.scalar(select(func.count()).where(Ticket.owner_id == stays))
            shares = await session.scalar(select(func.sum(Ownership.share_bp)).where(Ownership.owner_id == stays))
            assert (cases, shares) == (2, 2)
