"""A person lives the whole life of an owner, is erased, and is nowhere any more; ledger and audit still verify."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER
from tests.factories.cases import CLASS_A, Cast, closed_order, make_cast
from tests.factories.files import JPEG
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.privacy.canary import Findings, Search

from ownercare_api import wiring
from ownercare_api.app import create_app
from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.personal import ERASED_NAME, ERASED_TEXT
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines.models import Hold
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.files.models import FileObject
from ownercare_api.identity.models import Account, AccountKind, AuthSession, OneTimeCode
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner
from ownercare_api.privacy import jobs as privacy_jobs
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.models import Ticket
from ownercare_api.timeline import sealing as audit_sealing
from ownercare_api.timeline.chain import SealKey
from ownercare_api.timeline.verifying import verify
from ownercare_api.workorders.models import CallbackAttempt, CompletionSignature, WorkOrder

NAME, FORMER = "甄金丝雀", "贾旧名讳"
DOCUMENT = "330106198503078528"
PHONE, SECOND, THIRD = "+8613987650001", "+8613987650002", "+8613987650003"
ADDRESS, MOVED = "金丝雀路 4711 号旧宅", "金丝雀大道 4712 号新宅"
WORD = "金丝雀密语"
"""Stands in every text that is about the person."""


def said(place: str) -> str:
    """Return a text about the person that says where it was written."""
    return f"{WORD}@{place}:{NAME} 电话 139-8765 0001"


@dataclass
class Life:
    """One installation, and the person in it."""

    client: httpx.AsyncClient
    state: AppState
    database: PooledDatabase
    session: AsyncSession
    people: Desk
    cast: Cast
    clerk: Actor
    manager: Actor
    owner_id: str = ""
    ticket_id: str = ""
    keys: int = 0
    calls: list[str] = field(default_factory=list)

    async def post(self, path: str, actor: Actor, **body: Any) -> dict[str, Any]:
        """Send something with an idempotency key, so that the answer is kept."""
        self.keys += 1
        headers = actor.headers | {"Idempotency-Key": f"key-{self.keys}"}
        answer = await self.client.post(path, json=body or None, headers=headers)
        assert answer.status_code in (200, 201), (path, answer.text)
        self.calls.append(path)
        found: dict[str, Any] = answer.json()
        return found

    async def upload(self, actor: Actor, name: str, content: bytes, **fields: str) -> dict[str, Any]:
        """Upload a file."""
        files = {"file": (name, content, "application/octet-stream")}
        path = "/v1/imports" if "kind" in fields else "/v1/files"
        answer = await self.client.post(path, files=files, data=fields, headers=actor.headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def work(self) -> None:
        """Do the jobs that are queued."""
        settings, keyring = self.state.settings, self.state.keyring
        handlers = {
            **exchange_jobs.handlers(wiring.exchange_desk(settings, keyring)),
            **privacy_jobs.handlers(wiring.privacy_parts(settings, keyring)),
        }
        while await jobs.run_next(self.database, handlers=handlers, now=FRIDAY_NOON):
            pass


@pytest.fixture
async def life(committed: PooledDatabase, tmp_path: Path) -> AsyncIterator[Life]:
    keyring = Keyring.from_master(MASTER)
    settings = Settings(data_dir=tmp_path / "data")
    state = AppState(settings=settings, database=committed, keyring=keyring, clock=lambda: FRIDAY_NOON)
    app = create_app(state)
    async with committed.session() as session:
        desk: IdentityDesk = state.parts[IdentityDesk]
        await desk.keys.load(session, now=FRIDAY_NOON)
        people = Desk(session=session, desk=desk, clock=lambda: FRIDAY_NOON)
        cast = await make_cast(session, people, now=FRIDAY_NOON)
        clerk = await people.staff("customer_relations_supervisor", "legal_counsel", name="王办事")
        manager = await people.staff("general_manager", "customer_service_manager", name="李经理")
        await session.commit()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test") as client:
            yield Life(client, state, committed, session, people, cast, clerk, manager)


async def _record(life: Life) -> None:
    """The record with everything around it: number by number, change by change."""
    unit = str(life.cast.org.units[0].id)
    made = await life.post(
        "/v1/owners",
        life.clerk,
        name=FORMER,
        document={"kind": "resident_id", "number": DOCUMENT},
        home_address=ADDRESS,
        occupation=f"{WORD}职业",
        preferences=said("preferences"),
        phones=[{"number": PHONE, "label": f"{WORD}号"}, {"number": SECOND}],
        homes=[
            {
                "unit_id": unit,
                "from_date": "2025-06-30",
                "contract_number": f"{WORD}-HT-1",
                "purchase_place": f"{WORD}售楼处",
                "price_fen": 268_000_000,
            }
        ],
    )
    life.owner_id = made["id"]
    path, evidence = f"/v1/owners/{life.owner_id}", await _paper(life, "evidence")
    await life.post(
        f"{path}/contacts", life.clerk, name=f"{WORD}亲属", relation="spouse", number=THIRD, note=said("contact"),
        may_speak_for_owner=True, authorisation=said("authorisation"),
    )  # fmt: skip
    members = [{"owner_id": life.owner_id, "is_head": True}]
    await life.post(
        f"/v1/units/{unit}/households", life.clerk, name=f"{WORD}之家", from_date="2026-01-10", members=members
    )
    await life.post(
        f"{path}/consents", life.clerk, purpose="marketing", channel="paper_form", text_version="2026-01",
        note=said("consent"), evidence_file_id=evidence,
    )  # fmt: skip
    change = await life.post(
        "/v1/owner-change-requests", life.clerk, owner_id=life.owner_id, channel="visit", note=said("change"),
        changes={"name": NAME, "home_address": MOVED}, evidence_file_ids=[await _paper(life, "change")],
    )  # fmt: skip
    steps = f"/v1/owner-change-requests/{change['id']}"
    await life.post(f"{steps}/verification", life.manager, verification="called_back", note=said("verification"))
    await life.post(f"{steps}/application", life.manager)
    await life.post("/v1/owner-searches", life.clerk, phone=PHONE)
    await life.post(f"{path}/disclosures", life.clerk, field="mobile", purpose=said("disclosure"))


async def _paper(life: Life, word: str) -> str:
    content = JPEG + f"{WORD}{word}".encode()
    project = str(life.cast.org.project.id)
    return str(
        (await life.upload(life.clerk, f"{WORD}{word}.jpg", content, purpose="document", project_id=project))["id"]
    )


async def _cases(life: Life) -> None:
    """A repair from the call to the callback, an unlinked call, a neighbour's case that names the person."""
    unit, other = (str(one.id) for one in life.cast.org.units)
    told = {"category": "repair", "channel": "hotline", "urgent": False, "caller_name": NAME}
    case = await life.post(
        "/v1/tickets", life.clerk, **told, caller_phone=PHONE, unit_id=unit, owner_id=life.owner_id,
        title=f"{WORD}漏水", description=said("description"), demand=said("demand"),
    )  # fmt: skip
    life.ticket_id = case["id"]
    await life.post(f"/v1/tickets/{life.ticket_id}/responses", life.manager, channel="phone", content=said("response"))
    await life.post(
        f"/v1/tickets/{life.ticket_id}/register-entries", life.clerk, caller_name=NAME, channel="hotline",
        summary=said("chase"),
    )  # fmt: skip
    unlinked = await life.post(
        "/v1/tickets", life.clerk, **told, caller_phone=SECOND, unit_id=other, title=f"{WORD}询问",
        description=said("unlinked"),
    )  # fmt: skip
    near = await life.post(
        "/v1/tickets", life.clerk, **(told | {"caller_name": "邻居"}), caller_phone="13700000000", unit_id=unit,
        title="楼下漏水", description=f"请联系楼上 {NAME},139 8765 0001",
    )  # fmt: skip
    far = await life.post(
        "/v1/tickets", life.clerk, **(told | {"caller_name": "路人"}), caller_phone="13700000001", unit_id=other,
        title="转告", description="有人留了电话 +86 139-8765-0002 与证件 330106 19850307 8528",
    )  # fmt: skip
    ticket = await life.session.get_one(Ticket, UUID(life.ticket_id))
    ticket.status = TicketStatus.ACCEPTED
    await life.session.flush()
    order = await closed_order(life.session, life.cast, now=FRIDAY_NOON, story=CLASS_A, ticket=ticket)
    await life.session.execute(
        update(WorkOrder).where(WorkOrder.id == order.id).values(description=f"为 {NAME} 重做防水")
    )
    signed = update(CompletionSignature).where(CompletionSignature.work_order_id == order.id)
    await life.session.execute(signed.values(signed_by_name=NAME, opinion=said("opinion")))
    called = update(CallbackAttempt).where(CallbackAttempt.ticket_id == ticket.id)
    await life.session.execute(called.values(comment=said("callback")))
    life.session.add(
        Hold(
            id=uuid7(), subject_kind="ticket", subject_id=ticket.id, reason=said("hold"), started_at=FRIDAY_NOON,
            ended_at=FRIDAY_NOON, started_by=life.clerk.id, ended_by=life.clerk.id,
        )
    )  # fmt: skip
    photo = await life.upload(
        life.clerk, f"{WORD}现场.jpg", JPEG + f"{WORD}photo".encode(), purpose="photo_site",
        project_id=str(life.cast.org.project.id),
    )  # fmt: skip
    attached = update(FileObject).where(FileObject.id == UUID(photo["id"]))
    await life.session.execute(attached.values(ticket_id=ticket.id))
    ids = [UUID(one["id"]) for one in (case, unlinked, near, far)]
    closed = update(Ticket).where(Ticket.id.in_(ids)).values(status=TicketStatus.CLOSED, result=said("result"))
    await life.session.execute(closed)
    others = update(Ticket).where(Ticket.id.in_(ids[2:])).values(result=None)
    await life.session.execute(others)
    await life.session.commit()


async def _survey(life: Life) -> None:
    questions = [
        {"key": "quality", "text": "您对维修质量是否满意?", "kind": "scale", "dimension": "after_sales_service"},
        {"key": "advice", "text": "其他意见", "kind": "text", "dimension": "product", "required": False},
    ]
    form = await life.post("/v1/questionnaires", life.manager, code="MYD", title="满意度", questions=questions)
    await life.post(f"/v1/questionnaires/{form['id']}/publication", life.manager)
    answers = [{"question": "quality", "value": 5}, {"question": "advice", "value": said("survey")}]
    await life.post(
        "/v1/survey-responses", life.clerk, questionnaire_id=form["id"], ticket_id=life.ticket_id, mode="phone",
        respondent_name=NAME, answers=answers,
    )  # fmt: skip


async def _rosters(life: Life) -> None:
    """An export and an import with the person in them."""
    project = str(life.cast.org.project.id)
    await life.post(
        "/v1/exports", life.manager, kind="owners", format="csv", project_id=project, purpose=said("export"),
        columns=["name", "unit_address"],
    )  # fmt: skip
    address = life.cast.org.units[0].address
    roster = f"房屋地址,业主姓名,联系电话,证件类型,证件号码\n{address},{NAME},{PHONE},居民身份证,{DOCUMENT}\n"
    await life.upload(life.clerk, f"{WORD}名册.csv", roster.encode("utf-8-sig"), kind="owners", project_id=project)
    await life.work()


async def _login(life: Life) -> None:
    """The person's login, with a code on its way."""
    index = life.state.keyring.blind_index(PHONE, column=sealing.PHONE)
    account = Account(
        id=uuid7(),
        kind=AccountKind.OWNER,
        username=uuid7().hex,
        name="业主",
        post="owner",
        owner_id=UUID(life.owner_id),
    )
    life.session.add(account)
    await life.session.flush()
    life.session.add(
        AuthSession(
            id=uuid7(), account_id=account.id, created_at=FRIDAY_NOON, expires_at=FRIDAY_NOON + timedelta(days=1),
            refresh_digest=b"",
        )
    )  # fmt: skip
    life.session.add(
        OneTimeCode(
            id=uuid7(), phone_index=index, digest=b"x", created_at=FRIDAY_NOON,
            expires_at=FRIDAY_NOON + timedelta(minutes=5),
        )
    )  # fmt: skip
    await jobs.enqueue(
        life.session, kind="nobody.does.this", args={"indexes": [index.hex()]}, run_at=FRIDAY_NOON + timedelta(days=1)
    )
    await life.session.commit()


def _search(life: Life) -> Search:
    texts = [WORD, NAME, FORMER, ADDRESS, MOVED, "zhen jin si que", "139-8765 0001", "139 8765 0001", "139-8765-0002"]
    texts += ["330106 19850307 8528", "139****0001", "139****0002", "139****0003"]
    return Search(texts=texts, numbers=[PHONE, SECOND, THIRD, DOCUMENT], keyring=life.state.keyring)


async def _everywhere(life: Life) -> Findings:
    search = _search(life)
    async with life.database.session() as session:
        await search.database(session)
    return search.folder(life.state.settings.data_dir)


async def _postings(life: Life) -> Any:
    async with life.database.session() as session:
        entries = await session.execute(text("SELECT * FROM ledger_entry ORDER BY id"))
        postings = await session.execute(text("SELECT * FROM ledger_posting ORDER BY id"))
        return entries.all(), postings.all()


async def _seal_all(database: PooledDatabase, seal: SealKey) -> None:
    """Seal everything."""
    waiting = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM denial) - (SELECT count(*) FROM audit_link)"
    began = monotonic()
    while True:
        while (await audit_sealing.seal(database, key=seal, now=FRIDAY_NOON)) is not None:
            pass
        async with database.reader() as connection:
            if (await connection.execute(text(waiting))).scalar_one() == 0:
                return
        assert monotonic() - began < 60
        await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.rule("OWN-07", "OWN-15")
async def test_after_erasure_the_person_is_nowhere_and_ledger_and_audit_still_verify(
    life: Life, capfd: pytest.CaptureFixture[str], record_property: Any
) -> None:
    for step in (_record, _cases, _survey, _rosters, _login):
        await step(life)
    copy = await life.post(
        "/v1/privacy-requests", life.clerk, owner_id=life.owner_id, kind="copy", channel="visit",
        identity_check="saw_document", identity_note=said("identity"), reason=said("reason"),
    )  # fmt: skip
    await life.post(f"/v1/privacy-requests/{copy['id']}/approval", life.manager, note=said("note"))
    await life.work()
    seal = SealKey(MASTER)
    await _seal_all(life.database, seal)
    ledger, planted = await _postings(life), await _everywhere(life)
    places = {hit.split(":")[0] for hit in planted.hits}
    assert len(places) > 45, sorted(places)

    erasure = await life.post(
        "/v1/privacy-requests", life.clerk, owner_id=life.owner_id, kind="erasure", channel="visit",
        identity_check="saw_document", reason=said("erasure"),
    )  # fmt: skip
    await life.post(f"/v1/privacy-requests/{erasure['id']}/approval", life.manager, note=said("decision"))
    for path in life.state.settings.data_dir.rglob("*"):
        old = (FRIDAY_NOON - timedelta(hours=1)).timestamp()
        os.utime(path, (old, old))
    await life.work()
    ended = await life.client.get(f"/v1/privacy-requests/{erasure['id']}", headers=life.clerk.headers)
    assert ended.json()["status"] == "done", ended.text

    found = await _everywhere(life)
    found = (search := _search(life)).log("".join(capfd.readouterr())) and found
    print(f"planted in {len(places)} places: {planted}; after erasure {found}")
    record_property("planted", str(planted))
    record_property("after", str(found))
    assert found.hits == []
    assert search.found.hits == []
    assert found.values > 1000
    assert await _postings(life) == ledger
    await _seal_all(life.database, seal)
    report = await verify(life.database, keys=[seal.public])
    assert (report.fault, report.complete) == (None, True)
    assert report.entries > 30
    await _what_is_left(life)


async def _what_is_left(life: Life) -> None:
    """The empty record holds the past together; the owner can't come back by any door."""
    async with life.database.session() as session:
        owner = await session.get_one(Owner, UUID(life.owner_id))
        assert (owner.name, owner.erased_at) == (ERASED_NAME, FRIDAY_NOON)
        ticket = await session.get_one(Ticket, UUID(life.ticket_id))
        assert (ticket.title, ticket.caller_name, ticket.status) == (ERASED_TEXT, ERASED_NAME, TicketStatus.CLOSED)
        order = (await session.scalars(select(WorkOrder).where(WorkOrder.ticket_id == ticket.id))).one()
        assert (order.description, order.estimate_fen) == ("为 *** 重做防水", 180_000)
        texts = select(Ticket.description).where(Ticket.caller_name.in_(["邻居", "路人"])).order_by(Ticket.id)
        assert (await session.scalars(texts)).all() == ["请联系楼上 ***,***", "有人留了电话 +86 *** 与证件 ***"]
        account = (await session.scalars(select(Account).where(Account.kind == AccountKind.OWNER))).one()
        assert account.disabled_at == FRIDAY_NOON
        assert await session.scalar(select(func.count()).select_from(AuthSession).where(
            AuthSession.account_id == account.id, AuthSession.revoked_at.is_(None)
        )) == 0  # fmt: skip
    path = f"/v1/owners/{life.owner_id}"
    for gone in (path, f"{path}/looks", f"{path}/disclosures"):
        assert (await life.client.get(gone, headers=life.clerk.headers)).status_code == 404, gone
    asked = {"owner_id": life.owner_id, "kind": "copy", "channel": "visit", "identity_check": "saw_document"}
    again = await life.client.post("/v1/privacy-requests", json=asked, headers=life.clerk.headers)
    assert (again.status_code, again.json()["code"]) == (404, "owner_not_found")
    seen = await life.client.post("/v1/owner-searches", json={"phone": PHONE}, headers=life.clerk.headers)
    assert seen.json()["items"] == []


async def test_others_keep_what_they_share_with_an_erased_person(life: Life) -> None:
    """A spouse with the same number, a namesake's case, the answers kept for other people."""
    unit = life.cast.org.units[0]
    await _record(life)
    spouse = await make_owner(life.session, life.state.keyring, name="冯共用", phone=PHONE, units=[])
    await life.session.commit()
    other = await life.post(
        "/v1/tickets", life.clerk, category="repair", channel="hotline", urgent=False, caller_name=NAME,
        caller_phone="13700000002", unit_id=str(life.cast.org.units[1].id), title="同名", description=f"{NAME} 来电",
    )  # fmt: skip
    made = await life.post(
        "/v1/privacy-requests", life.clerk, owner_id=life.owner_id, kind="erasure", channel="visit",
        identity_check="saw_document",
    )  # fmt: skip
    await life.post(f"/v1/privacy-requests/{made['id']}/approval", life.manager, note="同意")
    await life.work()
    async with life.database.session() as session:
        namesake = await session.get_one(Ticket, UUID(other["id"]))
        assert (namesake.caller_name, namesake.description) == (NAME, f"{NAME} 来电")
        kept = await session.scalar(text("SELECT count(*) FROM owner_phone WHERE owner_id = :id"), {"id": spouse.id})
        assert kept == 1
        answers = await session.scalar(text("SELECT count(*) FROM idempotent_answer WHERE route LIKE '%/v1/tickets?%'"))
        assert answers == 1
        held = await session.scalar(text("SELECT count(*) FROM ownership WHERE unit_id = :id"), {"id": unit.id})
        assert held == 1
