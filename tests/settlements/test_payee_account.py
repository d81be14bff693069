"""To which account a firm is paid: shown, kept, held while in question, and not paid by who changed it meanwhile."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.accounts import CALLED, entered
from tests.factories.people import Actor, Desk
from tests.factories.settlements import (
    Site,
    Steps,
    certified_settlement,
    finished_order,
    make_site,
    principal_of,
    refused,
)

from ownercare_api.contractors import bank_accounts
from ownercare_api.contractors import service as contractors
from ownercare_api.contractors.lifecycle import AccountVerification
from ownercare_api.contractors.models import Firm
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.settlements import payment
from ownercare_api.settlements.models import Settlement
from ownercare_api.timeline.models import Event
from ownercare_api.workorders.lifecycle import RepairClass

PAY = {"reference": "网银流水 20261120-000318"}


@pytest.fixture
async def clerk(people: Desk) -> Actor:
    """Give who enters changes of accounts."""
    return await people.staff("engineering_material_engineer", name="陆工")


def path_of(settlement: dict[str, Any], step: str = "/payment") -> str:
    return f"/v1/settlements/{settlement['id']}{step}"


async def open_change(steps: Steps, session: AsyncSession, clerk: Actor, firm: Firm, *, clock: FakeClock) -> str:
    project_id = steps.site.org.project.id
    return await entered(steps.client, session, firm_id=firm.id, project_id=project_id, by=clerk, now=clock())


async def ready(steps: Steps, session: AsyncSession, site: Site, *, clock: FakeClock) -> dict[str, Any]:
    order = await finished_order(session, site, now=clock(), repair_class=RepairClass.B)
    return await steps.ready_to_pay(order, 95_500)


@pytest.mark.rule("FIN-09", "ORG-20")
async def test_a_payment_shows_and_keeps_the_account_that_it_went_to(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, clerk: Actor, people: Desk
) -> None:
    settlement = await ready(steps, session, site, clock=clock)
    name = site.company.firm.name
    before = {"bank_name": "临澜银行江晖支行", "bank_account_holder": name, "bank_account_masked": "**** 4567"}
    now = {"change_open": False, "changed_since_written": False}
    assert settlement["payee_account"] == before | now
    paid = await steps.paid(settlement)
    assert paid["payee_account"] == before | now
    manager = await people.firm_user("property_company_manager", firm_id=site.company.firm.id)
    assert (await steps.read(path_of(settlement, ""), manager))["payee_account"] == before | now

    path = await open_change(steps, session, clerk, site.company.firm, clock=clock)
    await steps.done(f"{path}/confirmation", site.second_finance, CALLED)
    kept = await steps.read(path_of(settlement, ""))
    assert kept["payee_account"] == before | {"change_open": False, "changed_since_written": True}
    events = select(Event.data["account"].as_string()).where(
        Event.subject_id == UUID(settlement["id"]), Event.kind.in_(["settlement.paid", "settlement.payment_reversed"])
    )
    assert list(await session.scalars(events)) == ["**** 4567"]
    # Taken back and paid anew, it goes to the new account; both payments stand in the history.
    back = await steps.reversed(settlement)
    assert back["payee_account"]["bank_account_masked"] == "**** 8777"
    again = await steps.paid(settlement)
    assert again["payee_account"]["bank_account_masked"] == "**** 8777"
    assert list(await session.scalars(events.order_by(Event.seq))) == ["**** 4567", "**** 4567", "**** 8777"]


@pytest.mark.rule("FIN-07")
async def test_the_contractor_does_not_see_the_property_company_s_account(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock
) -> None:
    await steps.retention(1_000_000)
    settlement = await steps.ready_to_pay(await finished_order(session, site, now=clock()), 95_500)
    seen = await steps.read(path_of(settlement, ""), site.builder)
    assert seen["payee_account"] is None
    assert "4567" not in str(seen)


@pytest.mark.rule("FIN-09", "ORG-20")
async def test_nothing_is_paid_while_a_change_is_open_or_no_account_is_confirmed(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, clerk: Actor
) -> None:
    settlement = await ready(steps, session, site, clock=clock)
    path = await open_change(steps, session, clerk, site.company.firm, clock=clock)
    shown = await steps.read(path_of(settlement, ""))
    assert (shown["payee_account"]["change_open"], shown["allowed_actions"]) == (True, [])
    await refused(
        steps, session, path_of(settlement), site.finance, PAY, status=409, code="bank_account_in_question", key=True
    )
    await steps.done(f"{path}/rejection", site.second_finance, {"reason": "单位未申请变更"})
    shown = await steps.read(path_of(settlement, ""))
    # A change that was refused changed nothing: who refused it may pay.
    assert (shown["payee_account"]["changed_since_written"], shown["allowed_actions"]) == (False, ["payment"])
    firm = await session.get_one(Firm, site.company.firm.id, populate_existing=True)
    firm.bank_account_encrypted = firm.bank_account_index = firm.bank_account_masked = None
    await session.flush()
    await refused(
        steps, session, path_of(settlement), site.finance, PAY, status=409, code="bank_account_missing", key=True
    )


@pytest.mark.rule("FIN-09", "ORG-10")
async def test_who_changed_the_account_meanwhile_does_not_pay_to_it_but_pays_what_is_written_later(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, people: Desk
) -> None:
    settlement = await ready(steps, session, site, clock=clock)
    enterer = await people.staff("finance_officer", name="吴会计")
    path = await open_change(steps, session, enterer, site.company.firm, clock=clock)
    await steps.done(f"{path}/confirmation", site.finance, CALLED)
    for actor in (enterer, site.finance):
        assert (await steps.read(path_of(settlement, ""), actor))["allowed_actions"] == []
        await refused(steps, session, path_of(settlement), actor, PAY, status=403, code="own_payee_account", key=True)
    paid = await steps.paid(settlement, site.second_finance)
    assert (paid["payee_account"]["bank_account_masked"], paid["payee_account"]["changed_since_written"]) == (
        "**** 8777",
        True,
    )
    later = await ready(steps, session, site, clock=clock)
    assert later["payee_account"]["changed_since_written"] is False
    assert (await steps.paid(later, site.finance))["status"] == "paid"


@pytest.mark.rule("FIN-11", "ORG-10")
async def test_a_release_of_retention_goes_the_same_way(
    steps: Steps, site: Site, session: AsyncSession, clock: FakeClock, clerk: Actor, people: Desk
) -> None:
    account = await steps.retention(100_000)
    requests = f"/v1/retention-accounts/{account['id']}/release-requests"
    asked = await steps.done(requests, site.finance, {"amount_fen": 70_000})
    third = await people.staff("finance_officer", name="吴会计")
    manager = await people.staff("customer_service_manager")
    await steps.done(f"{requests}/{asked['id']}/opinion", manager, {"supported": True, "opinion": "同意支付。"})
    release = f"{requests}/{asked['id']}/release"
    path = await open_change(steps, session, clerk, site.contractor.firm, clock=clock)
    await refused(steps, session, release, site.second_finance, status=409, code="bank_account_in_question", key=True)
    await steps.done(f"{path}/confirmation", site.second_finance, CALLED)
    await refused(steps, session, release, site.second_finance, status=403, code="own_payee_account", key=True)
    done = await steps.done(release, third, key=True)
    assert (done["status"], done["payee_account"]["bank_account_masked"]) == ("released", "**** 8777")
    told = select(Event.data["account"].as_string()).where(Event.kind == "retention.released")
    assert list(await session.scalars(told)) == ["**** 8777"]


@pytest.mark.slow
@pytest.mark.rule("FIN-09")
async def test_a_payment_and_a_confirmation_at_once(
    committed: PooledDatabase, app_shell: FastAPI, clock: FakeClock
) -> None:
    """The payment comes first, to the former account; or it is refused, for the change is open or was confirmed by the
    payer. It never goes to one account and shows the other."""
    keyring = Keyring.from_master(bytes(range(32)))
    desk: IdentityDesk = app_shell.state.ownercare.parts[IdentityDesk]
    async with committed.session() as session:
        site = await make_site(session, Desk(session=session, desk=desk, clock=clock), now=clock())
        await session.commit()

    async def at(work: Any) -> str:
        async with committed.session() as session:
            try:
                await work(session)
                await session.commit()
            except DomainError as refusal:
                return refusal.code
            return "done"

    seen: Counter[str] = Counter()
    firm_id = site.company.firm.id
    for trial in range(20):
        async with committed.session() as session:
            settlement = await certified_settlement(session, site, now=clock(), amount_fen=90)
            masked = (await session.get_one(Firm, firm_id)).bank_account_masked
            # Before this settlement nothing was changed in its life.
            settlement.payee_change_id = await contractors.account_change_in_force(session, firm_id=firm_id)
            await session.commit()
        new = bank_accounts.NewAccount("某行", f"62220210010088880{trial:02}", "某公司")

        async def changing(session: AsyncSession, new: bank_accounts.NewAccount = new) -> None:
            change = await bank_accounts.enter(
                session, firm_id=firm_id, new=new, reason="变更", evidence_file_ids=[], keyring=keyring,
                principal=principal_of(site.second_finance), now=clock(),
            )  # fmt: skip
            await session.flush()
            await bank_accounts.confirm(
                session, firm_id=firm_id, change_id=change.id, verification=AccountVerification.CALLED_BACK,
                note="核对", keyring=keyring, principal=principal_of(site.finance), now=clock(),
            )  # fmt: skip

        async def paying(session: AsyncSession, settlement_id: UUID = settlement.id) -> None:
            await payment.pay(
                session,
                settlement_id=settlement_id,
                reference="流水",
                principal=principal_of(site.finance),
                now=clock(),
            )

        changed, paid = await asyncio.gather(at(changing), at(paying))
        assert changed == "done"
        assert paid in ("done", "own_payee_account")
        seen[paid] += 1
        async with committed.session() as session:
            kept = await session.get_one(Settlement, settlement.id)
            assert kept.paid_account_masked == (masked if paid == "done" else None)
    assert sum(seen.values()) == 20
