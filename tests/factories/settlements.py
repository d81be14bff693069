"""A project with a contractor, a property company, the people of a settlement, and work orders that were finished."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from tests.factories.cases import bare_ticket
from tests.factories.contractors import Contractor, PropertyCompany, make_contractor, make_property_company
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.settlements.lifecycle import AccountStatus, SettlementStatus, audit_department
from ownercare_api.settlements.models import FinalAccount, Settlement
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders.lifecycle import RepairClass, WorkOrderStatus
from ownercare_api.workorders.models import WorkOrder

TABLES = (
    "final_account",
    "final_account_line",
    "account_hand",
    "settlement",
    "contractor_reply",
    "dispute_resolution",
    "ledger_account",
    "ledger_entry",
    "ledger_posting",
    "retention_release",
    "work_order",
    "ticket_firm",
    "approval",
    "deadline",
    "event",
)


@dataclass
class Site:
    """Everybody and everything a settlement needs; each person holds one role and had no part in the work."""

    org: Org
    contractor: Contractor
    company: PropertyCompany
    ticket: Ticket
    captain: Actor
    raiser: Actor
    clerk: Actor
    """Customer service: audits small accounts and writes settlements."""
    auditor: Actor
    engineer: Actor
    """The deputy chief engineer."""
    finance: Actor
    second_finance: Actor
    builder: Actor
    """The contractor's representative."""


async def make_site(
    session: AsyncSession, people: Desk, *, now: datetime, values: dict[str, Any] | None = None, amount_fen: int = 10**9
) -> Site:
    """Make it all under the demo policy; the contract holds back at most 3 % of `amount_fen`."""
    org = await make_org(session, now=now, values=values)
    contractor = await make_contractor(session, org, amount_fen=amount_fen)
    company = await make_property_company(session, org, people)
    ticket = await bare_ticket(session, org, now=now, firm_id=company.firm.id)
    return Site(
        org=org,
        contractor=contractor,
        company=company,
        ticket=ticket,
        captain=company.captain,
        raiser=await people.staff("customer_relations_specialist", name="周雨桐"),
        clerk=await people.staff("customer_relations_specialist", name="陈思远"),
        auditor=await people.staff("auditor", name="郑审计"),
        engineer=await people.staff("deputy_chief_engineer", name="高总工"),
        finance=await people.staff("finance_officer", name="钱会计"),
        second_finance=await people.staff("finance_officer", name="孙会计"),
        builder=await people.firm_user("contractor_representative", firm_id=contractor.firm.id, name="赵建国"),
    )


async def finished_order(
    session: AsyncSession,
    site: Site,
    *,
    now: datetime,
    repair_class: RepairClass = RepairClass.A,
    estimate_fen: int = 150_000,
    status: WorkOrderStatus = WorkOrderStatus.SIGNED_OFF,
    approved: bool = True,
    emergency: bool = False,
    makers: dict[UUID, str] | None = None,
    contractor: Contractor | None = None,
    ticket: Ticket | None = None,
) -> WorkOrder:
    """Insert a work order of the site's ticket and team that was signed off."""
    made = uuid7()
    contractor = contractor or site.contractor
    is_a = repair_class is RepairClass.A
    order = WorkOrder(
        id=made,
        number=f"PG-20261119-{made.hex[-8:]}",
        ticket_id=(ticket or site.ticket).id,
        project_id=site.org.project.id,
        status=status,
        repair_class=repair_class,
        class_reasons=[],
        building_part=BuildingPart.WET_ROOM_WATERPROOFING,
        trades=["waterproofing", "tiling"],
        description="主卧卫生间防水层重做",
        estimate_fen=estimate_fen,
        emergency=emergency,
        contract_id=contractor.contract.id if is_a else None,
        contractor_firm_id=contractor.firm.id if is_a else None,
        raised_by=site.raiser.id,
        approved_at=now if approved else None,
        firm_id=site.company.firm.id,
        team_id=site.company.team.id,
        completed_by=site.captain.id,
        completed_at=now,
        signed_off_at=now,
        makers={str(site.raiser.id): "raised"} | {str(person): part for person, part in (makers or {}).items()},
        policy_snapshot_id=site.org.snapshot.id,
    )
    session.add(order)
    await session.flush()
    return order


def lines(*amounts: int) -> list[dict[str, Any]]:
    """Return lines for an account, one for each amount in fen."""
    return [
        {"description": "防水层重做", "trade": "waterproofing", "unit": "项", "quantity": "1", "unit_price_fen": amount}
        for amount in amounts
    ]


@dataclass
class Steps:
    """Takes the steps of the process through the API, each by the person of the site whose step it is."""

    client: httpx.AsyncClient
    site: Site

    async def post(self, path: str, actor: Actor, body: Any = None, *, key: bool = False) -> httpx.Response:
        """POST; with an `Idempotency-Key` of its own where money moves."""
        headers = actor.headers | ({"Idempotency-Key": uuid7().hex} if key else {})
        return await self.client.post(path, json=body, headers=headers)

    async def done(self, path: str, actor: Actor, body: Any = None, *, key: bool = False) -> dict[str, Any]:
        """POST and expect 201."""
        answer = await self.post(path, actor, body, key=key)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def retention(self, opening_fen: int, *, contractor: Contractor | None = None) -> dict[str, Any]:
        """Open the contract's retention account."""
        contract = (contractor or self.site.contractor).contract
        body = {"contract_id": str(contract.id), "opening_fen": opening_fen}
        return await self.done("/v1/retention-accounts", self.site.finance, body)

    async def filed(self, order: WorkOrder, *amounts: int) -> dict[str, Any]:
        """File the account of an order."""
        body = {"work_order_id": str(order.id), "lines": lines(*amounts)}
        return await self.done("/v1/final-accounts", self.site.captain, body)

    async def audited(self, account: dict[str, Any], *amounts: int) -> dict[str, Any]:
        """Audit an account by the department that its amount names; without amounts as it was claimed."""
        claimed = [line["amount_fen"] for line in account["lines"]]
        body = {
            "lines": [
                {"position": place, "audited_amount_fen": amount}
                for place, amount in enumerate(amounts or claimed, start=1)
            ]
        }
        by = self.site.auditor if account["department"] == "audit_department" else self.site.clerk
        return await self.done(f"/v1/final-accounts/{account['id']}/audit", by, body)

    async def written(self, account: dict[str, Any]) -> dict[str, Any]:
        """Write the settlement of an audited account."""
        return await self.done("/v1/settlements", self.site.clerk, {"final_account_id": account["id"]})

    async def settlement(self, order: WorkOrder, *amounts: int) -> dict[str, Any]:
        """File, audit as claimed, and write."""
        return await self.written(await self.audited(await self.filed(order, *amounts)))

    async def notified(self, settlement: dict[str, Any]) -> dict[str, Any]:
        """Put a settlement to the contractor."""
        return await self.done(f"/v1/settlements/{settlement['id']}/contractor-notice", self.site.auditor)

    async def answered(self, settlement: dict[str, Any], decision: str = "confirmed", **more: Any) -> dict[str, Any]:
        """Answer for the contractor."""
        path = f"/v1/settlements/{settlement['id']}/contractor-confirmation"
        return await self.done(path, self.site.builder, {"decision": decision, **more})

    async def resolved(self, settlement: dict[str, Any], actor: Actor, kind: str, **more: Any) -> dict[str, Any]:
        """Settle a dispute."""
        body = {"kind": kind, "reason": "经现场复核与合同约定比对。", **more}
        return await self.done(f"/v1/settlements/{settlement['id']}/dispute-resolution", actor, body)

    async def certified(self, settlement: dict[str, Any]) -> dict[str, Any]:
        """Certify."""
        path = f"/v1/settlements/{settlement['id']}/certification"
        return await self.done(path, self.site.engineer, {"opinion": "同意结算。"})

    async def ready_to_pay(self, order: WorkOrder, *amounts: int) -> dict[str, Any]:
        """Take everything up to the certification."""
        settlement = await self.settlement(order, *amounts)
        if settlement["kind"] == "A":
            await self.answered(await self.notified(settlement))
        return await self.certified(settlement)

    async def paid(self, settlement: dict[str, Any], actor: Actor | None = None) -> dict[str, Any]:
        """Pay."""
        path, body = f"/v1/settlements/{settlement['id']}/payment", {"reference": "网银流水 20261120-000318"}
        return await self.done(path, actor or self.site.finance, body, key=True)

    async def reversed(self, settlement: dict[str, Any], actor: Actor | None = None) -> dict[str, Any]:
        """Reverse a payment."""
        path, body = f"/v1/settlements/{settlement['id']}/payment/reversal", {"reason": "收款账户有误"}
        return await self.done(path, actor or self.site.second_finance, body, key=True)

    async def read(self, path: str, actor: Actor | None = None) -> dict[str, Any]:
        """GET and expect 200."""
        answer = await self.client.get(path, headers=(actor or self.site.finance).headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def everything(connection: AsyncConnection | AsyncSession) -> dict[str, Any]:
    """Return a digest of every table that a settlement touches, to prove that nothing changed."""
    found = {}
    for table in TABLES:
        digest = f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
        found[table] = tuple((await connection.execute(text(digest))).one())
    return found


async def refused(
    steps: Steps,
    session: AsyncSession,
    path: str,
    actor: Actor,
    body: Any = None,
    *,
    status: int,
    code: str,
    key: bool = False,
) -> dict[str, Any]:
    """POST, expect a refusal with this status and code, and that nothing changed."""
    before = await everything(session)
    answer = await steps.post(path, actor, body, key=key)
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await everything(session) == before
    return document


async def certified_settlement(
    session: AsyncSession,
    site: Site,
    *,
    now: datetime,
    amount_fen: int,
    share_fen: int = 0,
    status: SettlementStatus = SettlementStatus.CERTIFIED,
    contractor: Contractor | None = None,
) -> Settlement:
    """Insert a settlement that is certified, with its account and order; class A where the contractor bears a share."""
    contractor = contractor or site.contractor
    kind = RepairClass.A if share_fen else RepairClass.B
    order = await finished_order(session, site, now=now, repair_class=kind, contractor=contractor)
    threshold = 2_000_000
    account = FinalAccount(
        id=uuid7(),
        number=f"JS-20261120-{order.id.hex[-8:]}",
        work_order_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        firm_id=site.company.firm.id,
        team_id=site.company.team.id,
        status=AccountStatus.SETTLED,
        total_fen=amount_fen,
        audited_total_fen=amount_fen,
        department=audit_department(total_fen=amount_fen, threshold_fen=threshold),
        audit_threshold_fen=threshold,
        prepared_by=site.captain.id,
        prepared_by_name=site.captain.name,
        submitted_at=now,
        policy_snapshot_id=order.policy_snapshot_id,
    )
    session.add(account)
    await session.flush()
    settlement = Settlement(
        id=uuid7(),
        number=f"JD-20261120-{order.id.hex[-8:]}",
        final_account_id=account.id,
        work_order_id=order.id,
        ticket_id=order.ticket_id,
        project_id=order.project_id,
        firm_id=site.company.firm.id,
        kind=kind,
        contract_id=contractor.contract.id if share_fen else None,
        contractor_firm_id=contractor.firm.id if share_fen else None,
        status=status,
        amount_fen=amount_fen,
        contractor_share_fen=share_fen,
        written_by=site.clerk.id,
        written_by_name=site.clerk.name,
        policy_snapshot_id=order.policy_snapshot_id,
    )
    session.add(settlement)
    await session.flush()
    return settlement


def principal_of(actor: Actor) -> Principal:
    """Return who an actor is to the services."""
    assert actor.principal is not None
    return actor.principal
