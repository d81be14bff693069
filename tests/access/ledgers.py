"""Accounts, settlements and retention of a place, in every status that some operation needs."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.cases import Cast, calendar_of
from tests.factories.contractors import Contractor, make_contractor
from tests.factories.people import Actor
from tests.factories.settlements import Site, certified_settlement, finished_order

from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.identity.principal import SYSTEM, Grant, Principal, PrincipalKind, Reach
from ownercare_api.policies import service as policies
from ownercare_api.properties.parts import Trade
from ownercare_api.settlements import payment, release, retention
from ownercare_api.settlements.lifecycle import AccountStatus, ContractorAnswer, SettlementStatus, audit_department
from ownercare_api.settlements.models import FinalAccount, FinalAccountLine, Settlement
from ownercare_api.tickets.models import Ticket

_THRESHOLD = 2_000_000
_CLAIMED = 150_000


def site_of(cast: Cast, ticket: Ticket) -> Site:
    """Return the people of a place as the settlement factories want them."""
    nobody: Actor = cast.clerk
    return Site(
        org=cast.org,
        contractor=cast.contractor,
        company=cast.company,
        ticket=ticket,
        captain=cast.captain,
        raiser=cast.specialist,
        clerk=nobody,
        auditor=nobody,
        engineer=nobody,
        finance=nobody,
        second_finance=nobody,
        builder=cast.representative,
    )


def _finance(name: str) -> Principal:
    scopes = frozenset({"ledger:open", "ledger:read", "settlements:pay", "settlements:read", "approvals:read"})
    scopes |= {"approvals:decide:department_manager"}
    return Principal(PrincipalKind.STAFF, uuid7(), name, (Grant("finance_officer", scopes, Reach(everywhere=True)),))


async def _account(
    session: AsyncSession, site: Site, *, now: datetime, status: AccountStatus, **more: Any
) -> FinalAccount:
    order = await finished_order(session, site, now=now)
    order.account_filed = True
    account = FinalAccount(
        id=uuid7(),
        number=f"JS-20261120-{order.id.hex[-8:]}",
        work_order_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        firm_id=site.company.firm.id,
        team_id=site.company.team.id,
        status=status,
        total_fen=_CLAIMED,
        department=audit_department(total_fen=_CLAIMED, threshold_fen=_THRESHOLD),
        audit_threshold_fen=_THRESHOLD,
        prepared_by=site.captain.id,
        prepared_by_name=site.captain.name,
        submitted_at=now,
        policy_snapshot_id=order.policy_snapshot_id,
        **more,
    )
    session.add(account)
    await session.flush()
    session.add(
        FinalAccountLine(
            id=uuid7(),
            account_id=account.id,
            position=1,
            description="防水层重做",
            trade=Trade.WATERPROOFING,
            unit="项",
            quantity=Decimal(1),
            unit_price_fen=_CLAIMED,
            amount_fen=_CLAIMED,
            audited_amount_fen=_CLAIMED if status is AccountStatus.AUDITED else None,
        )
    )
    await session.flush()
    return account


async def _clock(session: AsyncSession, settlement: Settlement, kind: ClockKind, *, now: datetime) -> None:
    await deadlines.start(
        session,
        calendar=await calendar_of(session),
        snapshot=await policies.snapshot(session, snapshot_id=settlement.policy_snapshot_id),
        kind=kind,
        started_at=now - timedelta(days=60),
        subject_kind="settlement",
        subject_id=settlement.id,
        ticket_id=settlement.ticket_id,
        project_id=settlement.project_id,
        actor=SYSTEM,
        now=now,
        round_=settlement.round,
    )


async def fill(session: AsyncSession, site: Site, things: dict[str, UUID], *, now: datetime) -> None:
    """Make them all and name them in `things`."""
    things["order_to_account"] = (await finished_order(session, site, now=now)).id
    audited = {"audited_total_fen": _CLAIMED, "audited_by": uuid7(), "audited_by_name": "郑审计", "audited_at": now}
    for name, status, more in (
        ("account", AccountStatus.SUBMITTED, {}),
        ("account_returned", AccountStatus.RETURNED, {"return_reason": "数量不符", "returned_by_name": "郑审计"}),
        ("account_audited", AccountStatus.AUDITED, audited),
    ):
        things[name] = (await _account(session, site, now=now, status=status, **more)).id
    await _retention(session, site, things, now=now)
    for name, stands in (
        ("settlement_written", SettlementStatus.WRITTEN),
        ("settlement_notified", SettlementStatus.NOTIFIED),
        ("settlement_reminded", SettlementStatus.REMINDED),
        ("settlement_disputed", SettlementStatus.DISPUTED),
        ("settlement_confirmed", SettlementStatus.CONFIRMED),
        ("settlement_certified", SettlementStatus.CERTIFIED),
        ("settlement_paid", SettlementStatus.CERTIFIED),
    ):
        made = await certified_settlement(
            session, site, now=now, amount_fen=_CLAIMED, share_fen=_CLAIMED, status=stands
        )
        things[name] = made.id
        if stands is not SettlementStatus.WRITTEN:
            made.notified_at = now
        if stands is SettlementStatus.NOTIFIED:
            await _clock(session, made, ClockKind.CONTRACTOR_CONFIRMATION, now=now)
        if stands is SettlementStatus.REMINDED:
            made.reminded_at = now
            await _clock(session, made, ClockKind.CONTRACTOR_REMINDER, now=now)
        if stands is SettlementStatus.DISPUTED:
            made.contractor_answer, made.answered_at = ContractorAnswer.REFUSED, now
    await session.flush()
    await payment.pay(
        session, settlement_id=things["settlement_paid"], reference="网银流水", principal=_finance("钱会计"), now=now
    )
    await session.flush()


async def _retention(session: AsyncSession, site: Site, things: dict[str, UUID], *, now: datetime) -> None:
    """Four contracts: deducted from; asked to release; supported; without an account yet."""
    asker, adviser = _finance("钱会计"), _finance("何经理")
    for name in ("", "_asked", "_supported", "_bare"):
        contractor = site.contractor if not name else await _another(session, site)
        things[f"contract{name}"] = contractor.contract.id
        if name == "_bare":
            continue
        account = await retention.open_retention(
            session, contract_id=contractor.contract.id, opening_fen=5_000_000, principal=asker, now=now
        )
        things[f"retention{name}"] = account.id
        if not name:
            continue
        asked = await release.request_release(
            session, account_id=account.id, amount_fen=1_000_000, note=None, principal=asker, now=now
        )
        things[f"release{name}"] = asked.id
        if name == "_supported":
            await release.give_opinion(
                session,
                account_id=account.id,
                release_id=asked.id,
                supported=True,
                opinion="同意",
                principal=adviser,
                now=now,
            )


async def _another(session: AsyncSession, site: Site) -> Contractor:
    return await make_contractor(session, site.org, parts={}, firm=site.contractor.firm)
