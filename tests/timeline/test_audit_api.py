"""The audit trail over HTTP: who sees what, filters, places in the chain, and that looking leaves a trace."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER, FakeClock, QueryRecorder
from tests.factories.org import make_org
from tests.factories.people import Actor, Desk
from tests.timeline.sealed import seal_all, write_denial

from ownercare_api.app import create_app
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.identity.principal import SYSTEM, Principal, PrincipalKind
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.timeline import service
from ownercare_api.timeline.chain import SealKey


async def get(client: httpx.AsyncClient, actor: Actor, path: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/audit/{path}", params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def happen(session: AsyncSession, *, kind: str = "ticket.chased", **more: Any) -> None:
    given: dict[str, Any] = {"subject_kind": "ticket", "subject_id": uuid7(), "actor": SYSTEM, "now": FRIDAY_NOON}
    await service.record(session, kind=kind, **(given | more))


@pytest.mark.rule("CMP-14")
async def test_events_within_the_auditor_s_projects(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, queries: QueryRecorder
) -> None:
    org, other = await make_org(session, now=FRIDAY_NOON), await make_org(session, now=FRIDAY_NOON)
    chief, local = await people.staff("auditor"), await people.staff("auditor", project_id=org.project.id)
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    await session.execute(text("DELETE FROM event"))
    await session.execute(text("SET LOCAL session_replication_role = origin"))
    subject, actor = uuid7(), Principal(kind=PrincipalKind.STAFF, id=uuid7(), name="周晓岚", grants=())
    await happen(session, project_id=org.project.id, subject_id=subject, actor=actor, ticket_id=subject)
    await happen(session, project_id=other.project.id, kind="owner.updated", subject_kind="owner")
    await happen(session, kind="company.opened", subject_kind="company")
    seen = (await get(client, local, "events"))["items"]
    assert [item["kind"] for item in seen] == ["ticket.chased"]
    everything = await get(client, chief, "events", include_total=True)
    assert [item["kind"] for item in everything["items"]] == [
        "audit.read", "audit.read", "company.opened", "owner.updated", "ticket.chased",
    ]  # fmt: skip
    assert everything["total"] == 5
    shown = everything["items"][-1]
    assert {name: shown[name] for name in ("subject_id", "ticket_id", "sealed", "position", "sealed_at")} == {
        "subject_id": str(subject), "ticket_id": str(subject), "sealed": False, "position": None, "sealed_at": None,
    }  # fmt: skip
    assert shown["actor"] == {"kind": "staff", "id": str(actor.id), "name": "周晓岚"}
    for query, kinds in (
        ({"actor_id": str(actor.id)}, ["ticket.chased"]),
        ({"actor_kind": "system"}, ["company.opened", "owner.updated"]),
        ({"kind": "owner.updated"}, ["owner.updated"]),
        ({"subject_kind": "company"}, ["company.opened"]),
        ({"subject_id": str(subject)}, ["ticket.chased"]),
        ({"ticket_id": str(subject)}, ["ticket.chased"]),
        ({"project_id": str(other.project.id)}, ["owner.updated"]),
        ({"kind": "ticket.chased", "occurred_from": "2026-11-20T12:00:00+08:00"}, ["ticket.chased"]),
        ({"kind": "ticket.chased", "occurred_before": "2026-11-20T12:00:00+08:00"}, []),
    ):
        items = (await get(client, chief, "events", **query))["items"]
        assert [item["kind"] for item in items if item["kind"] != "audit.read"] == kinds, query
    with queries:
        first = await get(client, chief, "events", limit=2)
    assert queries.count == 2, "the look (recorded before) and the page"
    rest = await get(client, chief, "events", limit=200, cursor=first["next_cursor"])
    numbers = [item["seq"] for item in first["items"] + rest["items"]]
    assert numbers == sorted(numbers, reverse=True)


async def test_a_look_leaves_one_trace_that_the_feed_does_not_show(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    auditor, subject = await people.staff("auditor"), uuid7()
    for _ in range(3):
        await get(client, auditor, "events", subject_id=str(subject))
    await get(client, auditor, "denials")
    clock.forward(minutes=9)
    await get(client, auditor, "denials")
    clock.forward(minutes=2)
    await get(client, auditor, "denials")
    query = text("SELECT kind, data FROM event WHERE actor_id = :id ORDER BY seq")
    found = [tuple(row) for row in await session.execute(query, {"id": auditor.id})]
    assert found == [
        ("audit.read", {"what": "events", "filters": {"subject_id": str(subject)}}),
        ("audit.read", {"what": "denials", "filters": {}}),
        ("audit.read", {"what": "denials", "filters": {}}),
    ]
    shown = (await get(client, auditor, "events", kind="audit.read"))["items"]
    assert shown[0]["sentence"].endswith("查阅了审计记录")


async def test_denials(client: httpx.AsyncClient, people: Desk, session: AsyncSession) -> None:
    org = await make_org(session, now=FRIDAY_NOON)
    chief, local = await people.staff("auditor"), await people.staff("auditor", project_id=org.project.id)
    prober = await people.staff("hr_officer", name="李立")
    await client.get("/v1/tickets", headers=prober.headers)
    await session.execute(
        text("INSERT INTO denial (at, status, code, project_id) VALUES (:now, 404, 'x', :id)"),
        {"now": FRIDAY_NOON, "id": org.project.id},
    )
    seen = (await get(client, chief, "denials"))["items"]
    assert [(item["code"], item["actor"]) for item in seen] == [
        ("x", None),
        ("missing_scope", {"kind": "staff", "id": str(prober.id), "name": "李立"}),
    ]
    assert (seen[1]["operation"], seen[1]["count"], len(seen[1]["source"]), seen[1]["sealed"]) == (
        "tickets_list", 1, 16, False,
    )  # fmt: skip
    assert [item["code"] for item in (await get(client, local, "denials"))["items"]] == ["x"]
    for query, codes in (
        ({"actor_id": str(prober.id)}, ["missing_scope"]),
        ({"status": 404}, ["x"]),
        ({"code": "missing_scope"}, ["missing_scope"]),
        ({"operation": "tickets_list"}, ["missing_scope"]),
        ({"project_id": str(org.project.id)}, ["x"]),
        ({"subject_id": str(uuid7())}, []),
        ({"at_before": "2026-11-20T04:00:00Z"}, []),
        ({"at_from": "2026-11-20T04:00:00Z"}, ["x", "missing_scope"]),
    ):
        assert [item["code"] for item in (await get(client, chief, "denials", **query))["items"]] == codes, query


@pytest.mark.parametrize("path", ["events", "denials", "checkpoints", "status"])
async def test_only_for_auditors(client: httpx.AsyncClient, people: Desk, session: AsyncSession, path: str) -> None:
    manager = await people.staff("customer_service_manager")
    before = (await session.execute(text("SELECT count(*) FROM event"))).scalar_one()
    answer = await client.get(f"/v1/audit/{path}", headers=manager.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert (await session.execute(text("SELECT count(*) FROM event"))).scalar_one() == before
    auditor = await people.staff("auditor")
    await get(client, auditor, path)


async def test_status_of_a_trail_that_has_not_begun(client: httpx.AsyncClient, people: Desk) -> None:
    found = await get(client, await people.staff("auditor"), "status")
    assert (found["head"], found["sealed_at"], found["verification"]) == (None, None, None)


async def test_places_in_the_chain(committed: PooledDatabase, clock: FakeClock, tmp_path: Path) -> None:
    """What is sealed shows its position and when. A test's own open transaction would hold sealing back."""
    state = AppState(
        settings=Settings(data_dir=tmp_path), database=committed, keyring=Keyring.from_master(MASTER), clock=clock
    )
    app = create_app(state)
    async with committed.session() as session:
        await happen(session)
        await write_denial(session, place=1)
        await session.commit()
    (made,) = await seal_all(committed, key=SealKey(MASTER), entries=2)
    async with committed.session() as session:
        await state.parts[IdentityDesk].keys.load(session, now=clock())
        auditor = await Desk(session=session, desk=state.parts[IdentityDesk], clock=clock).staff("auditor")
        await session.commit()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
        (event,) = (await get(client, auditor, "events", kind="ticket.chased"))["items"]
        (denial,) = (await get(client, auditor, "denials"))["items"]
        (point,) = (await get(client, auditor, "checkpoints"))["items"]
        status = await get(client, auditor, "status")
    sealed_at = f"{made.at:%Y-%m-%dT%H:%M:%SZ}"
    assert (event["sealed"], event["position"], event["sealed_at"]) == (True, 1, sealed_at)
    assert (denial["sealed"], denial["position"], denial["sealed_at"]) == (True, 2, sealed_at)
    assert (point["number"], point["head"], point["entries"]) == (1, str(made.head), 2)
    assert (status["head"], status["sealed_at"]) == (str(made.head), sealed_at)


async def test_events_do_not_keep_the_names_of_owners(session: AsyncSession) -> None:
    owner = Principal(kind=PrincipalKind.OWNER, id=uuid7(), name="王秀英", grants=())
    await happen(session, actor=owner)
    query = text("SELECT actor_kind, actor_name FROM event WHERE actor_id = :id")
    assert [tuple(row) for row in await session.execute(query, {"id": owner.id})] == [("owner", "业主")]
