"""Raising work orders: from a co-signed survey, or in an emergency straight from the ticket (REP-08, CMP-04)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.parts import BuildingPart, Trade
from ownercare_api.tickets import service as tickets
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders import approving, history, liability, partners, repository, surveys
from ownercare_api.workorders.facts import with_makers
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, RepairClass
from ownercare_api.workorders.models import EstimateLine, WorkOrder


class NotUrgent(Conflict):
    """409: an emergency needs a ticket that was accepted as urgent."""

    code = "not_urgent"
    zh = "该工单未按紧急受理,不能走紧急维修程序。"
    en = "The ticket is not urgent; the emergency procedure does not apply."
    rules = ("CMP-04",)


class NotTheCompanysToPay(Conflict):
    """409: the survey found nobody for whom the company pays; only an override with a reason leads on."""

    code = "not_the_companys_to_pay"
    zh = "经勘察认定不属公司承担范围,不能开具派工单;确需维修须由有权人员改判并说明理由。"
    en = "The survey found this not the company's to pay; only an authorised override leads to a work order."
    rules = ("REP-08",)


class ContractMissing(Conflict):
    """409: class A needs the contract of the contractor who answers for it."""

    code = "class_a_needs_contract"
    zh = "A 类(质保)派工须有覆盖该部位的施工合同。"
    en = "A class-A order needs a contract that covers the part."
    rules = ("REP-08",)


class EstimateMissing(Conflict):
    """409: nothing is left to order: the survey has no estimate, or live orders cover all its lines."""

    code = "nothing_to_order"
    zh = "没有可派工的估价:勘察未估价,或估价行均已列入其他派工单。"
    en = "Nothing is left to order: no estimate, or other orders cover all lines."
    rules = ("REP-08", "FIN-01")


class LinesTaken(Conflict):
    """409: another live order covers one of the lines."""

    code = "estimate_lines_taken"
    zh = "所选估价行已列入其他派工单。"
    en = "Another work order covers one of these estimate lines."
    rules = ("FIN-01",)


class LineUnknown(Invalid):
    """422: the survey has no such estimate line."""

    code = "estimate_line_unknown"
    zh, en = "勘察单中没有该估价行。", "The survey has no such estimate line."


@dataclass(frozen=True, slots=True)
class Override:
    """Another class than the derived one, and why (reading 9)."""

    repair_class: RepairClass
    reason: str


@dataclass(frozen=True, slots=True)
class EmergencyWork:
    """What an emergency without a survey is raised with; the class is provisional (CMP-04)."""

    building_part: BuildingPart
    trades: Sequence[Trade]
    estimate_fen: int
    repair_class: RepairClass


@dataclass(frozen=True, slots=True)
class _Draft:
    """What becomes a work order."""

    ticket: Ticket
    survey_id: UUID | None
    repair_class: RepairClass
    class_reasons: list[dict[str, Any]]
    overridden_by: UUID | None
    building_part: BuildingPart
    trades: list[str]
    description: str
    estimate_fen: int
    emergency: bool
    contract_id: UUID | None
    contractor_firm_id: UUID | None
    makers: dict[str, Any] = field(default_factory=dict)


async def raise_from_survey(
    session: AsyncSession,
    *,
    survey_id: UUID,
    description: str,
    emergency: bool,
    positions: Sequence[int] | None,
    override: Override | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Raise a work order from a co-signed survey and ask for its approval (REP-08, FIN-01..03).

    It covers the named estimate lines, or all that no other live order covers; part, trades and class are the
    survey's. An override needs its own scope and a reason. Raises `SurveyNotFound`, `OutOfReach`, `NotCoSigned`,
    `NotARepair`, `TicketNotAccepted`, `NotUrgent`, `NotTheCompanysToPay`, `ContractMissing`, `EstimateMissing`,
    `LinesTaken`, `LineUnknown`.
    """
    survey = await surveys.take(session, survey_id=survey_id, scope="work_orders:raise", principal=principal)
    surveys.must_be_co_signed(survey)
    ticket = await _lock_ticket(session, ticket_id=survey.ticket_id, emergency=emergency, principal=principal)
    assert survey.building_part is not None
    assert survey.derivation is not None
    repair_class, reasons = RepairClass(survey.derivation["repair_class"]), list(survey.derivation["reasons"])
    if override is not None:
        principal.require("work_orders:override_class", project_id=survey.project_id)
        repair_class = override.repair_class
        reasons.append(_overridden(override, principal))
    if repair_class is RepairClass.NONE:
        raise NotTheCompanysToPay
    if repair_class is RepairClass.A and survey.contract_id is None:
        raise ContractMissing
    lines = await repository.lines(session, survey_id=survey.id)
    chosen = _choose(lines, positions)
    whole = len(chosen) == len(lines)
    is_a = repair_class is RepairClass.A
    order = await _open(
        session,
        _Draft(
            ticket=ticket,
            survey_id=survey.id,
            repair_class=repair_class,
            class_reasons=reasons,
            overridden_by=None if override is None else principal.id,
            building_part=survey.building_part,
            # A part of the survey needs the trades of its lines only (reading 5).
            trades=list(survey.trades) if whole else sorted({line.trade for line in chosen}),
            description=description,
            estimate_fen=sum(line.amount_fen for line in chosen),
            emergency=emergency,
            contract_id=survey.contract_id if is_a else None,
            contractor_firm_id=survey.contractor_firm_id if is_a else None,
            makers=dict(survey.makers),
        ),
        calendar=calendar,
        principal=principal,
        now=now,
    )
    covered = [line.id for line in chosen]
    await session.execute(update_rows(EstimateLine).where(EstimateLine.id.in_(covered)).values(work_order_id=order.id))
    await surveys.close_work(session, survey, done=False)
    history.touch(survey, now=now)
    await session.flush()
    return order


async def raise_emergency(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    description: str,
    work: EmergencyWork,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Raise an emergency order straight from an urgent ticket; its survey follows and fixes the class (CMP-04).

    Raises `TicketNotFound`, `OutOfReach`, `NotARepair`, `TicketNotAccepted`, `NotUrgent`, `ContractMissing`.
    """
    ticket = await _lock_ticket(session, ticket_id=ticket_id, emergency=True, principal=principal)
    principal.require("work_orders:raise", project_id=ticket.project_id)
    contract = None
    if work.repair_class is RepairClass.A:
        contract = await partners.contract_for(session, project_id=ticket.project_id, building_part=work.building_part)
        if contract is None:
            raise ContractMissing
    return await _open(
        session,
        _Draft(
            ticket=ticket,
            survey_id=None,
            repair_class=work.repair_class,
            class_reasons=[_PROVISIONAL],
            overridden_by=None,
            building_part=work.building_part,
            trades=[trade.value for trade in Trade if trade in work.trades],
            description=description,
            estimate_fen=work.estimate_fen,
            emergency=True,
            contract_id=None if contract is None else contract.contract_id,
            contractor_firm_id=None if contract is None else contract.firm_id,
        ),
        calendar=calendar,
        principal=principal,
        now=now,
    )


async def _lock_ticket(session: AsyncSession, *, ticket_id: UUID, emergency: bool, principal: Principal) -> Ticket:
    ticket = await tickets.get_visible(session, ticket_id=ticket_id, principal=principal, lock=True)
    surveys.must_be_repairable(ticket)
    if emergency and not ticket.urgent:
        raise NotUrgent
    return ticket


def _choose(lines: Sequence[Any], positions: Sequence[int] | None) -> list[Any]:
    if positions is None:
        chosen = [line for line in lines if line.work_order_id is None]
    else:
        if not set(positions) <= {line.position for line in lines}:
            fault = FieldError("#/estimate_lines", LineUnknown.code, LineUnknown.zh, LineUnknown.en)
            raise LineUnknown(errors=(fault,))
        chosen = [line for line in lines if line.position in positions]
        if any(line.work_order_id is not None for line in chosen):
            raise LinesTaken
    if not chosen:
        raise EstimateMissing
    return chosen


async def _open(
    session: AsyncSession, draft: _Draft, *, calendar: WorkingCalendar, principal: Principal, now: datetime
) -> WorkOrder:
    ticket = draft.ticket
    order = WorkOrder(
        id=uuid7(),
        number=await next_number(session, kind="PG", day=business_date(now)),
        ticket_id=ticket.id,
        survey_id=draft.survey_id,
        project_id=ticket.project_id,
        unit_id=ticket.unit_id,
        status=WORK_ORDER_LIFECYCLE.initial,
        repair_class=draft.repair_class,
        class_reasons=draft.class_reasons,
        class_overridden_by=draft.overridden_by,
        building_part=draft.building_part,
        trades=draft.trades,
        description=draft.description,
        estimate_fen=draft.estimate_fen,
        emergency=draft.emergency,
        contract_id=draft.contract_id,
        contractor_firm_id=draft.contractor_firm_id,
        raised_by=principal.id,
        makers=with_makers(draft.makers, principal.acting("work_orders:raise", project_id=ticket.project_id), "raised"),
        policy_snapshot_id=ticket.policy_snapshot_id,
        created_at=now,
        updated_at=now,
    )
    session.add(order)
    await session.flush()
    if draft.contractor_firm_id is not None:
        await tickets.share_with_firm(
            session, ticket_id=ticket.id, firm_id=draft.contractor_firm_id, reason=f"A 类派工 {order.number}", now=now
        )
    await tickets.work_opened(session, ticket_id=ticket.id)
    await approving.ask(
        session,
        order,
        lifted_by=draft.estimate_fen,
        calendar=calendar,
        principal=principal,
        now=now,
    )
    await history.of_order(
        session,
        order,
        "raised",
        actor=principal,
        now=now,
        rules=("REP-08", "CMP-04") if order.emergency else ("REP-08",),
        repair_class=order.repair_class.value,
        overridden=draft.overridden_by is not None,
        estimate_fen=order.estimate_fen,
        emergency=order.emergency,
        reasons=[one["code"] for one in order.class_reasons],
    )
    return order


def _overridden(override: Override, principal: Principal) -> dict[str, Any]:
    chosen = override.repair_class.value
    said = liability.reason(
        "overridden",
        zh=f"经有权人员改判为 {chosen} 类。",
        en=f"An authorised person decided class {chosen}.",
        rule="REP-08",
    )
    return said | {"reason": override.reason, "by": str(principal.id), "by_name": principal.name}


_PROVISIONAL = liability.reason(
    "emergency_provisional",
    zh="紧急维修先行派工,类别为暂定,待现场勘察会签后确定。",
    en="Emergency: the class is provisional until the survey is co-signed.",
    rule="CMP-04",
)
