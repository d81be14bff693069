"""A firm's bank account: two people change it, former and new are kept, nobody confirms his own."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, FakeClock
from tests.factories.accounts import CALLED, NEW_ACCOUNT, entered, letter, new_account
from tests.factories.contractors import ACCOUNT, make_firm, make_property_company
from tests.factories.files import make_file
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors import bank_accounts
from ownercare_api.contractors.lifecycle import AccountChangeStatus, AccountVerification
from ownercare_api.contractors.models import Firm, FirmKind
from ownercare_api.contractors.models_accounts import FirmBankAccountChange
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.timeline.models import Event

DIGITS = NEW_ACCOUNT.replace(" ", "").replace("-", "")


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def firm(session: AsyncSession, org: Org, people: Desk) -> Firm:
    return (await make_property_company(session, org, people)).firm


@pytest.fixture
async def clerk(people: Desk) -> Actor:
    return await people.staff("engineering_material_engineer", name="陆工")


@pytest.fixture
async def finance(people: Desk) -> Actor:
    return await people.staff("finance_officer", name="钱会计")


async def state_of(session: AsyncSession) -> tuple[Any, ...]:
    """Return what a refusal must not change: changes, accounts, events."""
    changes = (await session.execute(select(FirmBankAccountChange.__table__).order_by("id"))).all()
    firms = (await session.execute(select(Firm.id, Firm.bank_account_masked, Firm.version).order_by(Firm.id))).all()
    return changes, firms, await session.scalar(select(func.count()).select_from(Event))


@pytest.mark.rule("ORG-20", "FIN-09")
async def test_a_new_account_counts_once_somebody_else_has_confirmed_it(
    client: httpx.AsyncClient,
    session: AsyncSession,
    state: AppState,
    org: Org,
    firm: Firm,
    clerk: Actor,
    finance: Actor,
    people: Desk,
    clock: FakeClock,
) -> None:
    path = await entered(client, session, firm_id=firm.id, project_id=org.project.id, by=clerk, now=clock())
    shown = (await client.get(path, headers=finance.headers)).json()
    assert shown["status"] == "submitted"
    assert shown["former"] == {
        "bank_name": "临澜银行江晖支行",
        "bank_account_holder": firm.name,
        "bank_account_masked": "**** 4567",
    }
    assert shown["new"] == {
        "bank_name": "临澜银行滨江支行",
        "bank_account_holder": "临澜安庭物业服务有限公司",
        "bank_account_masked": "**** 8777",
    }
    assert (shown["holder_is_firm"], shown["number_is_known"]) == (False, True)
    assert shown["allowed_actions"] == ["confirmation", "rejection", "withdrawal"]
    before = (await client.get(f"/v1/firms/{firm.id}", headers=finance.headers)).json()
    assert (before["bank_account_masked"], before["bank_account_change_id"]) == ("**** 4567", shown["id"])
    waiting = await client.get("/v1/firms", params={"account_change_open": True}, headers=finance.headers)
    assert [one["id"] for one in waiting.json()["items"]] == [str(firm.id)]

    clock.forward(hours=1)
    confirmed = await client.post(f"{path}/confirmation", json=CALLED, headers=finance.headers)
    assert confirmed.status_code == 201, confirmed.text
    made = confirmed.json()
    assert (made["status"], made["verification"], made["decided_by_name"]) == ("confirmed", "called_back", "钱会计")
    assert (made["verification_note"], made["allowed_actions"]) == (CALLED["note"], [])
    after = (await client.get(f"/v1/firms/{firm.id}", headers=finance.headers)).json()
    assert after == before | {
        "bank_name": "临澜银行滨江支行",
        "bank_account_holder": "临澜安庭物业服务有限公司",
        "bank_account_masked": "**** 8777",
        "bank_account_change_id": None,
        "version": before["version"] + 1,
    }
    kept = await session.get_one(FirmBankAccountChange, UUID(shown["id"]), populate_existing=True)
    open_ = state.keyring.decrypt
    assert open_(bytes(kept.account_encrypted), column="firm_bank_account_change.account") == DIGITS
    former = bytes(kept.former_account_encrypted or b"")
    assert open_(former, column="firm_bank_account_change.former_account") == ACCOUNT
    stored = await session.get_one(Firm, firm.id, populate_existing=True)
    assert open_(bytes(stored.bank_account_encrypted or b""), column="firm.bank_account") == DIGITS
    assert [stored.bank_account_index] == state.keyring.blind_indexes(DIGITS, column="firm.bank_account")
    own = await people.firm_user("property_company_manager", firm_id=firm.id)
    listed = await client.get(f"/v1/firms/{firm.id}/bank-account-changes", headers=own.headers)
    assert [(one["status"], one["entered_by_name"]) for one in listed.json()["items"]] == [("confirmed", "陆工")]
    kinds = list(await session.scalars(select(Event.kind).where(Event.firm_id == firm.id).order_by(Event.seq)))
    assert kinds == ["bank_account_change.submitted", "bank_account_change.confirmed", "firm.bank_account_changed"]
    events = (await session.scalars(select(Event).where(Event.firm_id == firm.id))).all()
    assert all(DIGITS not in str(one.data) for one in events)
    again = await client.post(f"{path}/confirmation", json=CALLED, headers=finance.headers)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")


@pytest.mark.rule("ORG-20", "ORG-10")
async def test_who_may_enter_and_what_is_refused(
    client: httpx.AsyncClient,
    session: AsyncSession,
    org: Org,
    firm: Firm,
    clerk: Actor,
    finance: Actor,
    people: Desk,
    clock: FakeClock,
) -> None:
    file_id = await letter(session, project_id=org.project.id, by=clerk, now=clock())
    photo = await make_file(session, project_id=org.project.id, uploaded_by=clerk.id, now=clock())
    path = f"/v1/firms/{firm.id}/bank-account-changes"
    local = await people.staff("finance_officer", project_id=org.project.id)
    admin = await people.staff("system_administrator")
    other = await make_firm(session, kind=FirmKind.CONTRACTOR)
    same = new_account(file_id, bank_name="临澜银行江晖支行", bank_account=ACCOUNT, bank_account_holder=firm.name)
    machine = await people.machine("contractors:read", "bank_accounts:write", "files:read")
    before = await state_of(session)
    for actor, url, body, status, code in (
        (local, path, new_account(file_id), 403, "out_of_reach"),
        (admin, path, new_account(file_id), 403, "missing_scope"),
        (machine, path, new_account(file_id), 403, "employee_required"),
        (clerk, f"/v1/firms/{uuid4()}/bank-account-changes", new_account(file_id), 404, "firm_not_found"),
        (clerk, path, new_account(photo.id), 422, "file_not_usable"),
        (clerk, path, new_account(uuid4()), 422, "file_not_usable"),
        (clerk, path, same, 409, "bank_account_unchanged"),
        (clerk, path, new_account(file_id, bank_account="6217 0015 40a0"), 422, "validation_failed"),
        (clerk, path, new_account(file_id, evidence_file_ids=[]), 422, "validation_failed"),
    ):
        refused = await client.post(url, json=body, headers=actor.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        assert "6217 0015 40a0" not in refused.text
    assert await state_of(session) == before
    first = await client.post(path, json=new_account(file_id), headers=clerk.headers)
    assert first.status_code == 201, first.text
    before = await state_of(session)
    second = await client.post(path, json=new_account(file_id, reason="再改"), headers=finance.headers)
    assert (second.status_code, second.json()["code"]) == (409, "bank_account_change_open")
    change = first.headers["location"].rpartition("/")[2]
    elsewhere = f"/v1/firms/{other.id}/bank-account-changes/{change}"
    for actor, url, body, status, code in (
        (finance, f"{elsewhere}/confirmation", CALLED, 404, "bank_account_change_not_found"),
        (local, f"{path}/{change}/confirmation", CALLED, 403, "out_of_reach"),
        (clerk, f"{path}/{change}/confirmation", CALLED, 403, "missing_scope"),
        (admin, f"{path}/{change}/withdrawal", {"reason": "撤回"}, 403, "missing_scope"),
    ):
        refused = await client.post(url, json=body, headers=actor.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    stranger = await people.firm_user("contractor_representative", firm_id=other.id)
    for url in (path, f"{path}/{change}"):
        assert (await client.get(url, headers=stranger.headers)).status_code == 404
    assert (await client.get(elsewhere, headers=finance.headers)).status_code == 404
    assert await state_of(session) == before


@pytest.mark.rule("ORG-20")
async def test_a_rejected_or_withdrawn_change_leaves_the_account_and_lets_the_next_one_in(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, firm: Firm, clerk: Actor, finance: Actor
) -> None:
    for step, actor, status in (("rejection", finance, "rejected"), ("withdrawal", clerk, "withdrawn")):
        path = await entered(client, session, firm_id=firm.id, project_id=org.project.id, by=clerk, now=FRIDAY_NOON)
        ended = await client.post(f"{path}/{step}", json={"reason": "单位未申请变更"}, headers=actor.headers)
        assert (ended.status_code, ended.json()["status"]) == (201, status), ended.text
        assert (ended.json()["decision_reason"], ended.json()["decided_by"]) == ("单位未申请变更", str(actor.id))
        refused = await client.post(f"{path}/confirmation", json=CALLED, headers=finance.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    kept = await session.get_one(Firm, firm.id, populate_existing=True)
    assert (kept.bank_account_masked, kept.version) == ("**** 4567", 1)
    both = f"/v1/firms/{firm.id}/bank-account-changes"
    listed = await client.get(both, params={"status": "rejected"}, headers=finance.headers)
    assert [one["status"] for one in listed.json()["items"]] == ["rejected"]


@pytest.mark.rule("ORG-20")
async def test_a_number_that_is_new_proves_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, finance: Actor, people: Desk
) -> None:
    """The fraud begins with the telephone number; and a first account comes with a first number."""
    admin = await people.staff("system_administrator")
    firm = {"kind": "contractor", "name": "临澜固盾防水工程有限公司", "uscc": "91990000MA1K2ABC3B"}
    made = await client.post(
        "/v1/firms", json={**firm, "contact_name": "赵建国", "contact_phone": "0571-12345678"}, headers=admin.headers
    )
    assert made.status_code == 201, made.text
    firm_id = UUID(made.json()["id"])
    path = await entered(client, session, firm_id=firm_id, project_id=org.project.id, by=clerk, now=FRIDAY_NOON)
    assert (await client.get(path, headers=finance.headers)).json()["number_is_known"] is False
    before = await state_of(session)
    refused = await client.post(f"{path}/confirmation", json=CALLED, headers=finance.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "number_not_known")
    assert await state_of(session) == before
    # Exactly 30 days are enough; a change of the number starts them anew, also after the change was entered.
    known = update(Firm).where(Firm.id == firm_id)
    await session.execute(known.values(contact_phone_set_at=FRIDAY_NOON - timedelta(days=30)))
    assert (await client.get(path, headers=finance.headers)).json()["number_is_known"] is True
    tag = {"If-Match": "*"}
    phone = {"contact_phone": "0571-87654321"}
    assert (await client.patch(f"/v1/firms/{firm_id}", json=phone, headers=admin.headers | tag)).status_code == 200
    again = await client.post(f"{path}/confirmation", json=CALLED, headers=finance.headers)
    assert (again.status_code, again.json()["code"]) == (409, "number_not_known")
    shown = {"verification": "in_person", "note": "法定代表人持开户许可证原件到场"}
    done = await client.post(f"{path}/confirmation", json=shown, headers=finance.headers)
    assert (done.status_code, done.json()["former"]["bank_account_masked"]) == (201, None)


@pytest.mark.rule("ORG-20")
async def test_plain_editing_says_where_accounts_are_changed(
    client: httpx.AsyncClient, session: AsyncSession, firm: Firm, people: Desk
) -> None:
    admin = await people.staff("system_administrator")
    before = await state_of(session)
    new = {"kind": "contractor", "name": "某某", "uscc": "91990000MA1K2ABC3B", "contact_name": "赵"}
    new |= {"contact_phone": "0571-12345678"}
    for field in ("bank_name", "bank_account", "bank_account_holder"):
        for value in ("6222021001008888777", None):
            for refused in (
                await client.patch(
                    f"/v1/firms/{firm.id}", json={field: value}, headers=admin.headers | {"If-Match": "*"}
                ),
                await client.post("/v1/firms", json=new | {field: value}, headers=admin.headers),
            ):
                assert refused.status_code == 422, refused.text
                (fault,) = refused.json()["errors"]
                assert (fault["pointer"], fault["code"]) == (f"#/{field}", "bank_account_by_change")
                assert "bank-account-changes" in refused.text
                assert "6222021001008888777" not in refused.text
    assert await state_of(session) == before


@pytest.mark.slow
@pytest.mark.rule("ORG-20")
async def test_two_who_confirm_and_one_who_rejects_at_once(committed: PooledDatabase, clock: FakeClock) -> None:
    """One of them is done; the firm has the account of the one change that was confirmed, or its former one."""
    keyring = Keyring.from_master(bytes(range(32)))
    scopes = frozenset({"contractors:read", "bank_accounts:write", "bank_accounts:confirm", "files:read"})

    def person() -> Principal:
        return Principal(PrincipalKind.STAFF, uuid7(), "某", (Grant("finance", scopes, Reach(everywhere=True)),))

    async def at(work: Any) -> str:
        async with committed.session() as session:
            try:
                await work(session)
                await session.commit()
            except DomainError as refusal:
                return refusal.code
            return "done"

    seen: Counter[str] = Counter()
    for trial in range(20):
        async with committed.session() as session:
            firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
            await session.commit()

        def entering(number: int, firm_id: UUID = firm.id) -> Any:
            new = bank_accounts.NewAccount("某行", f"62220210010088880{number:02}", "某公司")
            return lambda session: bank_accounts.enter(
                session, firm_id=firm_id, new=new, reason="变更", evidence_file_ids=[], keyring=keyring,
                principal=person(), now=clock(),
            )  # fmt: skip

        entered_at_once = await asyncio.gather(at(entering(trial)), at(entering(trial + 40)))
        assert Counter(entered_at_once) == {"done": 1, "bank_account_change_open": 1}
        async with committed.session() as session:
            change = await bank_accounts.open_change(session, firm_id=firm.id)
            assert change is not None

        def confirming(firm_id: UUID = firm.id, change_id: UUID = change.id) -> Any:
            return lambda session: bank_accounts.confirm(
                session, firm_id=firm_id, change_id=change_id, verification=AccountVerification.CALLED_BACK,
                note="核对", keyring=keyring, principal=person(), now=clock(),
            )  # fmt: skip

        def rejecting(firm_id: UUID = firm.id, change_id: UUID = change.id) -> Any:
            return lambda session: bank_accounts.reject(
                session, firm_id=firm_id, change_id=change_id, reason="不符", principal=person(), now=clock()
            )

        outcomes = await asyncio.gather(at(confirming()), at(confirming()), at(rejecting()))
        assert Counter(outcomes) == {"done": 1, "wrong_status": 2}
        async with committed.session() as session:
            ended = await session.get_one(FirmBankAccountChange, change.id)
            kept = await session.get_one(Firm, firm.id)
            events = select(func.count()).where(Event.kind == "firm.bank_account_changed", Event.firm_id == firm.id)
            changed = await session.scalar(events)
        confirmed = ended.status is AccountChangeStatus.CONFIRMED
        assert (kept.bank_account_masked, kept.version, changed) == (
            (ended.account_masked, 2, 1) if confirmed else ("**** 4567", 1, 0)
        )
        seen[ended.status.value] += 1
    assert sum(seen.values()) == 20
