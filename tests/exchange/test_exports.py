"""Files that go out: approved, neutralised, logged, expiring, never beyond the reach of the moment."""

import csv
import html
import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.exchange.models import ExchangeFile, RosterExport
from ownercare_api.exchange.sheets import neutral
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Delegation, RoleGrant
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.timeline.models import Event

Work = Callable[[], Awaitable[None]]
BODY: dict[str, Any] = {"kind": "owners", "format": "csv", "purpose": "年度满意度回访抽样"}


@pytest.fixture
async def owners(session: AsyncSession, state: AppState, org: Org) -> list[Owner]:
    """Three owners, one of them with a name that looks like a formula."""
    return [
        await make_owner(
            session, state.keyring, name=name, phone=f"1381234000{place}", units=[org.units[place]],
            document_number=number, home_address="临澜市滨江区江晖路 12 号",
        )
        for place, (name, number) in enumerate(
            [("王秀英", "330106198503078528"), ("=HYPERLINK(1)", None), ("+李建国", None)]
        )
    ]  # fmt: skip


@pytest.fixture
async def supervisor(people: Desk, org: Org) -> Actor:
    """May export and see clear values."""
    return await people.staff("customer_relations_supervisor", project_id=org.project.id, name="周晓岚")


@pytest.fixture
async def manager(people: Desk, org: Org) -> Actor:
    """May export and approve."""
    return await people.staff("customer_service_manager", project_id=org.project.id, name="陆明远")


async def ask(client: httpx.AsyncClient, actor: Actor, org: Org, **fields: Any) -> httpx.Response:
    body = BODY | {"project_id": str(org.project.id)} | fields
    return await client.post("/v1/exports", json=body, headers=actor.headers)


async def fetch(client: httpx.AsyncClient, actor: Actor, export_id: str) -> httpx.Response:
    return await client.get(f"/v1/exports/{export_id}/content", headers=actor.headers)


async def made(client: httpx.AsyncClient, actor: Actor, org: Org, work: Work, **fields: Any) -> dict[str, Any]:
    answer = await ask(client, actor, org, **fields)
    assert answer.status_code == 201, answer.text
    await work()
    found: dict[str, Any] = (await client.get(f"/v1/exports/{answer.json()['id']}", headers=actor.headers)).json()
    return found


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.rule("OWN-07")
async def test_a_masked_file_says_who_when_and_what_for(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession
) -> None:
    found = await made(client, supervisor, org, work)
    assert (found["status"], found["rows"], found["rows_expected"], found["downloads"]) == ("ready", 3, 3, 0)
    assert found["expires_at"] == "2026-11-21T04:00:00Z"
    answer = await fetch(client, supervisor, found["id"])
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["cache-control"] == "no-store"
    mark, heading, *rows = cells(answer.content)
    assert mark[0].startswith("# 导出人:周晓岚;导出时间:2026-11-20 12:00;用途:年度满意度回访抽样;")
    assert heading[:4] == ["楼栋", "房号", "房屋地址", "业主姓名"]
    named = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [row["业主姓名"] for row in named] == ["王秀英", "'=HYPERLINK(1)", "'+李建国"]
    assert named[0]["证件号码"] == "3****************8"
    assert (named[0]["联系电话"], named[0]["家庭住址"], named[0]["产权份额(%)"]) == ("138****0000", "已登记", "100.0")
    assert "330106198503078528" not in answer.text

    again = (await client.get(f"/v1/exports/{found['id']}", headers=supervisor.headers)).json()
    assert again["downloads"] == 1
    (look,) = (await session.execute(select(OwnerLook).where(OwnerLook.look == "export"))).scalars()
    assert (set(look.owner_ids), look.actor_id) == ({owner.id for owner in owners}, supervisor.id)
    assert look.purpose == "年度满意度回访抽样"
    kinds = select(Event.kind).where(Event.subject_kind == "export").order_by(Event.seq)
    assert list(await session.scalars(kinds)) == ["export.requested", "export.ready", "export.downloaded"]


@pytest.mark.rule("OWN-07")
async def test_clear_values_in_a_workbook(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, people: Desk
) -> None:
    fields = {"format": "xlsx", "clear_values": True, "columns": ["name", "document_number", "phones", "home_address"]}
    found = await made(client, supervisor, org, work, **fields)
    book = CalamineWorkbook.from_filelike(io.BytesIO((await fetch(client, supervisor, found["id"])).content))
    assert book.sheet_names == ["导出说明", "业主名册"]
    assert book.get_sheet_by_name("导出说明").to_python()[0] == ["导出人:周晓岚"]
    assert book.get_sheet_by_name("业主名册").to_python() == [
        ["业主姓名", "证件号码", "联系电话", "家庭住址"],
        ["王秀英", "330106198503078528", "+8613812340000", "临澜市滨江区江晖路 12 号"],
        ["=HYPERLINK(1)", "", "+8613812340001", "临澜市滨江区江晖路 12 号"],
        ["+李建国", "", "+8613812340002", "临澜市滨江区江晖路 12 号"],
    ]
    analyst = await people.staff("data_analyst", project_id=org.project.id)
    refused = await ask(client, analyst, org, clear_values=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"), ("+86", "'+86"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"), ("  =1", "'  =1"), ("王=1", "王=1"), ("", ""),
    ],
)  # fmt: skip
def test_cells_are_neutralised(text: str, safe: str) -> None:
    assert neutral(text) == safe


@pytest.mark.rule("OWN-07", "ORG-10")
async def test_above_the_cap_a_second_person_decides(
    client: httpx.AsyncClient, supervisor: Actor, manager: Actor, people: Desk, session: AsyncSession,
    state: AppState, clock: FakeClock, work: Work,
) -> None:  # fmt: skip
    org = await make_org(session, now=clock(), name="小帽花园", units=3, values={"privacy.export_row_cap": 2})
    for unit in org.units:
        await make_owner(session, state.keyring, units=[unit])
    asks = await people.staff("customer_service_manager", name="申请人")
    found = await made(client, asks, org, work)
    assert (found["status"], found["row_cap"], found["links"]) == ("waiting_for_approval", 2, {})
    assert found["allowed_actions"] == ["cancellation"], "not the decision: it is one's own"
    early = await fetch(client, asks, found["id"])
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    here = f"/v1/exports/{found['id']}/decision"
    word = {"decision": "approve", "reason": "用途正当"}
    own = await client.post(here, json=word, headers=asks.headers)
    assert (own.status_code, own.json()["code"]) == (403, "own_export")

    stranger = await client.post(here, json=word, headers=manager.headers)
    assert stranger.status_code == 404, "a manager of another project"
    assert (await client.get(f"/v1/exports/{found['id']}", headers=supervisor.headers)).status_code == 404
    other = await people.staff("deputy_general_manager", name="批准人")
    seen = (await client.get("/v1/exports", headers=other.headers, params={"status": "waiting_for_approval"})).json()
    assert [(one["id"], one["allowed_actions"]) for one in seen["items"]] == [(found["id"], ["decision"])]
    assert (await fetch(client, other, found["id"])).status_code == 403
    answer = await client.post(here, json=word, headers=other.headers)
    assert (answer.status_code, answer.json()["status"], answer.json()["decided_by_name"]) == (201, "queued", "批准人")
    again = await client.post(here, json=word, headers=other.headers)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    await work()
    answer = await fetch(client, asks, found["id"])
    assert answer.status_code == 200
    assert "批准人:批准人" in answer.content.decode("utf-8-sig")

    rejected = (await ask(client, asks, org)).json()
    answer = await client.post(
        f"/v1/exports/{rejected['id']}/decision",
        json={"decision": "reject", "reason": "范围过大"},
        headers=other.headers,
    )
    assert (answer.status_code, answer.json()["status"]) == (201, "rejected")
    await work()
    assert (await fetch(client, asks, rejected["id"])).json()["code"] == "export_not_ready"


@pytest.mark.rule("ORG-10")
async def test_authority_lent_by_the_maker_does_not_approve(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock(), name="委托花园", units=2, values={"privacy.export_row_cap": 1})
    for unit in org.units:
        await make_owner(session, state.keyring, units=[unit])
    maker = await people.staff("customer_service_manager", name="申请人")
    found = (await ask(client, maker, org)).json()
    assert found["status"] == "waiting_for_approval"
    friend = await people.staff("receptionist", name="受托人")
    grant = (await session.scalars(select(RoleGrant).where(RoleGrant.account_id == maker.id))).one()
    session.add(_lent(grant, borrower=friend, clock=clock))
    await session.flush()
    friend.scopes = maker.scopes
    word = {"decision": "approve", "reason": "同意"}
    answer = await client.post(f"/v1/exports/{found['id']}/decision", json=word, headers=friend.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_export")
    row = await session.get_one(RosterExport, found["id"], populate_existing=True)
    assert (row.status, row.decided_by) == ("waiting_for_approval", None)


def _lent(grant: RoleGrant, *, borrower: Actor, clock: FakeClock) -> Delegation:
    return Delegation(
        grant_id=grant.id, from_account_id=grant.account_id, to_account_id=borrower.id, reason="休假",
        starts_at=clock() - timedelta(days=1), ends_at=clock() + timedelta(days=1), made_by=grant.account_id,
    )  # fmt: skip


@pytest.mark.rule("OWN-07")
async def test_a_large_export_cut_into_small_ones_is_a_large_one(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock, work: Work
) -> None:
    org = await make_org(session, now=clock(), name="切片花园", units=3, values={"privacy.export_row_cap": 5})
    for unit in org.units:
        await make_owner(session, state.keyring, units=[unit])
    actor = await people.staff("customer_relations_supervisor", project_id=org.project.id)
    assert (await made(client, actor, org, work))["status"] == "ready"
    assert (await made(client, actor, org, work))["status"] == "waiting_for_approval", "3 + 3 rows in a day"
    colleague = await people.staff("customer_relations_supervisor", project_id=org.project.id)
    assert (await made(client, colleague, org, work))["status"] == "ready"
    clock.forward(hours=24)
    assert (await made(client, actor, org, work))["status"] == "ready"


@pytest.mark.rule("OWN-07")
async def test_clear_values_have_the_hour_s_quota_as_cap(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock(), name="明文花园", units=3, values={"privacy.unmask_per_hour": 2})
    for unit in org.units:
        await make_owner(session, state.keyring, units=[unit])
    actor = await people.staff("customer_relations_supervisor", project_id=org.project.id)
    assert (await ask(client, actor, org, clear_values=True)).json()["status"] == "waiting_for_approval"
    assert (await ask(client, actor, org)).json()["status"] == "queued"


@pytest.mark.rule("OWN-07")
async def test_a_lost_reach_makes_the_file_vanish(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession,
    state: AppState,
) -> None:  # fmt: skip
    found = await made(client, supervisor, org, work)
    waiting = (await ask(client, supervisor, org)).json()
    for grant in await session.scalars(select(RoleGrant).where(RoleGrant.account_id == supervisor.id)):
        grant.ends_at = grant.starts_at + timedelta(days=1)
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    events = await session.scalar(select(func.count()).select_from(Event))
    assert (await fetch(client, supervisor, found["id"])).status_code == 403, "the scope is gone"
    await work()
    row = await session.get_one(RosterExport, waiting["id"], populate_existing=True)
    assert (row.status, row.failure_code, row.file_id) == ("failed", "authority_lost", None)
    assert await session.scalar(select(func.count()).select_from(Event)) == (events or 0) + 1

    elsewhere = await make_org(session, now=state.clock(), name="澜岸花园", region=org.region)
    session.add(_grant(supervisor, project_id=elsewhere.project.id, since=state.clock() - timedelta(days=1)))
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    gone = await fetch(client, supervisor, found["id"])
    assert (gone.status_code, gone.json()["code"]) == (404, "export_not_found")
    row = await session.get_one(RosterExport, found["id"], populate_existing=True)
    assert row.downloads == 0


def _grant(actor: Actor, *, project_id: Any, since: Any) -> RoleGrant:
    grant = RoleGrant(account_id=actor.id, role="customer_relations_supervisor", level="project", target_id=project_id)
    grant.starts_at = since
    return grant


@pytest.mark.rule("OWN-07")
async def test_after_a_day_the_file_is_gone(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession,
    clock: FakeClock,
) -> None:  # fmt: skip
    found = await made(client, supervisor, org, work)
    clock.forward(hours=24)
    late = await fetch(client, supervisor, found["id"])
    assert (late.status_code, late.json()["code"]) == (409, "export_expired")
    await work()
    row = await session.get_one(RosterExport, found["id"], populate_existing=True)
    assert (row.status, row.downloads) == ("expired", 0)
    file = await session.get_one(ExchangeFile, row.file_id, populate_existing=True)
    assert file.key_encrypted is None
    late = await fetch(client, supervisor, found["id"])
    assert (late.status_code, late.json()["code"]) == (409, "export_expired")


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize("what", ["restricted", "erased", "merged into a restricted record"])
async def test_a_file_is_not_handed_out_when_somebody_in_it_was_restricted_or_erased_since(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession,
    state: AppState, clock: FakeClock, what: str,
) -> None:  # fmt: skip
    before = clock()
    clock.forward(minutes=1)
    found = await made(client, supervisor, org, work)
    assert (await fetch(client, supervisor, found["id"])).status_code == 200
    clock.forward(minutes=1)
    if what == "restricted":
        owners[0].restricted_at = clock()
    elif what == "erased":
        owners[0].erased_at = clock()
    else:
        other = await make_owner(session, state.keyring, name="顾长风", phone="13812349999")
        other.restricted_at = before
        await session.flush()
        owners[0].merged_into, owners[0].merged_at = other.id, clock()
        moved = update(Ownership).where(Ownership.owner_id == owners[0].id)
        await session.execute(moved.values(owner_id=other.id))
    await session.flush()
    answer = await fetch(client, supervisor, found["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "export_outdated")
    row = await session.get_one(RosterExport, found["id"], populate_existing=True)
    assert row.downloads == 1
    clock.forward(minutes=1)
    anew = await made(client, supervisor, org, work)
    assert (anew["rows"], (await fetch(client, supervisor, anew["id"])).status_code) == (2, 200)


@pytest.mark.rule("OWN-07")
async def test_a_restriction_that_overlaps_the_making_of_the_file_counts(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession,
    clock: FakeClock,
) -> None:  # fmt: skip
    asked = (await ask(client, supervisor, org)).json()
    meanwhile = clock.forward(minutes=1)
    clock.forward(minutes=1)
    await work()  # reads the owner before the restriction, begun earlier, commits
    owners[0].restricted_at = meanwhile
    await session.flush()
    answer = await fetch(client, supervisor, asked["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "export_outdated")


async def test_only_who_asked_downloads_and_cancels(
    client: httpx.AsyncClient, supervisor: Actor, manager: Actor, org: Org, owners: list[Owner], work: Work
) -> None:
    found = await made(client, supervisor, org, work)
    for path, method in (("content", "GET"), ("cancellation", "POST")):
        answer = await client.request(method, f"/v1/exports/{found['id']}/{path}", headers=manager.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_export")
    waiting = (await ask(client, supervisor, org)).json()
    assert (waiting["status"], waiting["allowed_actions"]) == ("queued", ["cancellation"])
    answer = await client.post(f"/v1/exports/{waiting['id']}/cancellation", headers=supervisor.headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "cancelled")
    await work()
    assert (await client.get(f"/v1/exports/{waiting['id']}", headers=supervisor.headers)).json()["rows"] is None


async def test_what_can_t_be_exported(
    client: httpx.AsyncClient, supervisor: Actor, people: Desk, org: Org, owners: list[Owner], session: AsyncSession,
    clock: FakeClock,
) -> None:  # fmt: skip
    there = await make_org(session, now=clock(), name="澜岸花园", region=org.region)
    machine = await people.machine("owners:export", "owners:read")
    nobody = await people.staff("receptionist", project_id=org.project.id)
    for actor, fields, status, code in (
        (supervisor, {"columns": ["name", "password"]}, 422, "export_column_unknown"),
        (supervisor, {"filters": {"status": "closed"}}, 422, "validation_failed"),
        (supervisor, {"filters": {"occupied": True}}, 422, "export_empty"),
        (supervisor, {"purpose": " "}, 422, "validation_failed"),
        (supervisor, {"kind": "everything"}, 422, "validation_failed"),
        (supervisor, {"project_id": str(there.project.id)}, 403, "out_of_reach"),
        (machine, {}, 403, "persons_only"),
        (nobody, {}, 403, "missing_scope"),
    ):
        answer = await ask(client, actor, org, **fields)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert list(await session.scalars(select(RosterExport.id))) == []


async def test_homes_and_restricted_owners(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, session: AsyncSession,
    clock: FakeClock,
) -> None:  # fmt: skip
    owners[0].restricted_at = clock()
    await session.flush()
    found = await made(client, supervisor, org, work)
    assert found["rows"] == 2
    assert "王秀英" not in (await fetch(client, supervisor, found["id"])).content.decode("utf-8-sig")
    homes = await made(
        client, supervisor, org, work, kind="units", filters={"building_id": str(org.units[0].building_id)}
    )
    _, heading, first, *rest = cells((await fetch(client, supervisor, homes["id"])).content)
    assert (len(rest), dict(zip(heading, first, strict=True))["建筑面积(㎡)"]) == (59, "128.56")


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize("purpose", ["&" * 200, "年度满意度回访抽样" * 30, "&D&T&F&P"])
async def test_no_purpose_takes_the_maker_off_the_printed_pages(
    client: httpx.AsyncClient, supervisor: Actor, org: Org, owners: list[Owner], work: Work, purpose: str
) -> None:
    found = await made(client, supervisor, org, work, format="xlsx", purpose=purpose)
    content = (await fetch(client, supervisor, found["id"])).content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        (written,) = re.findall("<oddFooter>(.*)</oddFooter>", packed.read("xl/worksheets/sheet2.xml").decode())
    footer = html.unescape(written)
    assert footer.startswith("&L导出人:周晓岚 导出时间:2026-11-20 12:00 用途:")
    assert f"编号:{found['id']}" in footer
    assert (footer.count("&"), len(footer) <= 255) == (1, True)
