"""What an owner sees and does of the repairs in his home (业主本人): consent to more time, and the signature (REP-07,
REP-12). The same rules judge as where staff take them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.contractors.models import Firm, RepairTeam, RepairWorker
from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import own as owners
from ownercare_api.owners.models import Owner
from ownercare_api.owners.own import HomeSold, self_of
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import Snapshot
from ownercare_api.properties.models import Project, Unit
from ownercare_api.properties.parts import PART_ZH, BuildingPart
from ownercare_api.tickets import own as tickets
from ownercare_api.tickets.lifecycle import Channel
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders import completion, extensions, orders, repository
from ownercare_api.workorders.callbacks import SatisfactionOutOfScale
from ownercare_api.workorders.facts import SeatTaken
from ownercare_api.workorders.liability import covered_until, owner_term
from ownercare_api.workorders.lifecycle import WORK_ORDER_LIFECYCLE, SignatureSeat, SurveyStatus, WorkOrderStatus
from ownercare_api.workorders.models import CompletionSignature, Extension, SiteSurvey, WorkOrder, WorkOrderPhoto
from ownercare_api.workorders.orders import WorkOrderNotFound

Connection = AsyncConnection | AsyncSession


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """A work order as the guards of the owner's steps see it."""

    home_held: bool
    """The home is his now; or the order is about none, and the case is his."""
    open_extension: bool
    signed: Collection[SignatureSeat]
    """The seats of this round."""


def _home_is_his(order: OwnOrder, _: object) -> None:
    if not order.home_held:
        raise HomeSold


def _seat_is_empty(order: OwnOrder, _: object) -> None:
    if SignatureSeat.OWNER in order.signed:
        raise SeatTaken


_CONSENT, _SIGNATURES = WORK_ORDER_LIFECYCLE.steps["consent"], WORK_ORDER_LIFECYCLE.steps["signatures"]

OWN_LIFECYCLE: Lifecycle[WorkOrderStatus] = Lifecycle.of(
    "my_work_order",
    WorkOrderStatus.AWAITING_APPROVAL,
    [
        Step("consent", _CONSENT.sources, None, owners.WRITE, (_home_is_his, *_CONSENT.guards), _CONSENT.rules),
        Step("signature", _SIGNATURES.sources, None, owners.WRITE, (_home_is_his, _seat_is_empty), _SIGNATURES.rules),
    ],
)
"""An owner's own steps, over the statuses of a work order."""


def _of_cases(column: Any, *, owner_id: UUID, today: date) -> Any:
    return column.in_(tickets.cases(owner_id=owner_id, today=today))


def own_orders(*, owner_id: UUID, today: date) -> Select[Any]:
    """Return the query of the work orders of an owner's cases: no money, no class, nothing of the contractor."""
    held = or_(
        owners.holds(WorkOrder.unit_id, owner_id=owner_id, today=today),
        WorkOrder.unit_id.is_(None) & (Ticket.owner_id == owner_id),
    )
    columns: list[Any] = [
        WorkOrder.id, WorkOrder.number, WorkOrder.status, WorkOrder.version, WorkOrder.ticket_id,
        Ticket.number.label("ticket_number"), WorkOrder.unit_id,
        _of(Unit.address, Unit.id == WorkOrder.unit_id, "unit_address"), WorkOrder.project_id,
        _of(Project.name, Project.id == WorkOrder.project_id, "project_name"), WorkOrder.building_part,
        WorkOrder.trades, WorkOrder.emergency, _of(Firm.name, Firm.id == WorkOrder.firm_id, "firm_name"),
        _of(RepairTeam.name, RepairTeam.id == WorkOrder.team_id, "team_name"),
        _of(RepairWorker.name, RepairWorker.id == WorkOrder.worker_id, "worker_name"),
        _of(SiteSurvey.scheduled_at, SiteSurvey.id == WorkOrder.survey_id, "scheduled_at"),
        _of(SiteSurvey.visited_at, SiteSurvey.id == WorkOrder.survey_id, "visited_at"),
        WorkOrder.dispatched_at, WorkOrder.accepted_at, WorkOrder.completed_at, WorkOrder.completion_note,
        WorkOrder.signed_off_at, WorkOrder.callback_done_at, WorkOrder.round, WorkOrder.updated_at,
        func.coalesce(Ticket.owner_id == owner_id, False).label("mine"),
        func.coalesce(held, False).label("home_held"),
    ]  # fmt: skip
    return (
        select(*columns)
        .join(Ticket, Ticket.id == WorkOrder.ticket_id)
        .where(_of_cases(WorkOrder.ticket_id, owner_id=owner_id, today=today))
    )


def _of(column: Any, of: ColumnElement[bool], name: str) -> Any:
    """One value from another table; seven more joins would take the planner a tenth of a second."""
    return select(column).where(of).correlate(WorkOrder).scalar_subquery().label(name)


async def order_of(connection: Connection, *, work_order_id: UUID, owner_id: UUID, today: date) -> Any:
    """Return a work order of an owner's cases as a row of `own_orders`; raises `WorkOrderNotFound`."""
    query = own_orders(owner_id=owner_id, today=today).where(WorkOrder.id == work_order_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise WorkOrderNotFound
    return row


@dataclass(frozen=True, slots=True)
class OwnParts:
    """What of an order's rows an owner sees, and which of his steps are open."""

    extensions: Any
    signature: Any
    """The owner's own, of this round; None: not signed yet."""
    photos: Any
    allowed: list[str]


async def parts_of(connection: Connection, row: Any, *, principal: Principal) -> OwnParts:
    """Return what belongs to a row of `own_orders`, and the steps that the owner may take now."""
    asked = await repository.extensions(connection, work_order_id=row.id)
    signed = [one for one in await repository.signatures(connection, work_order_id=row.id) if one.round == row.round]
    facts = OwnOrder(
        home_held=row.home_held,
        open_extension=any(one.answered_at is None for one in asked),
        signed={one.seat for one in signed},
    )
    return OwnParts(
        extensions=asked,
        signature=next((one for one in signed if one.seat is SignatureSeat.OWNER), None),
        photos=await repository.photos(connection, work_order_id=row.id),
        allowed=OWN_LIFECYCLE.allowed(
            status=row.status, subject=facts, actor=principal, may=principal.scopes.__contains__
        ),
    )


def visits(*, ticket_id: UUID) -> Select[Any]:
    """Return the query of a case's site surveys as an owner meets them: the appointments, not the findings."""
    columns: list[Any] = [
        SiteSurvey.id,
        SiteSurvey.number,
        SiteSurvey.status,
        SiteSurvey.scheduled_at,
        SiteSurvey.visited_at,
    ]
    return (
        select(*columns)
        .where(SiteSurvey.ticket_id == ticket_id, SiteSurvey.status != SurveyStatus.CANCELLED)
        .order_by(SiteSurvey.id)
    )


def files_shown(*, owner_id: UUID, today: date) -> CompoundSelect[Any]:
    """Return the query of the attachments of others that are meant for an owner: photos of the work in his cases, and
    what holds his own consent or signature."""
    return union(
        select(WorkOrderPhoto.file_id)
        .join(WorkOrder, WorkOrder.id == WorkOrderPhoto.work_order_id)
        .where(_of_cases(WorkOrder.ticket_id, owner_id=owner_id, today=today)),
        select(Extension.consent_file_id)
        .join(WorkOrder, WorkOrder.id == Extension.work_order_id)
        .join(Ticket, Ticket.id == WorkOrder.ticket_id)
        .where(Ticket.owner_id == owner_id),
        select(CompletionSignature.signature_file_id)
        .join(WorkOrder, WorkOrder.id == CompletionSignature.work_order_id)
        .join(Ticket, Ticket.id == WorkOrder.ticket_id)
        .where(Ticket.owner_id == owner_id, CompletionSignature.seat == SignatureSeat.OWNER),
    )


async def _take(
    session: AsyncSession, *, work_order_id: UUID, step: str, principal: Principal, now: datetime
) -> WorkOrder:
    """Lock a work order of the caller's cases for a step of his; raises what forbids it."""
    owner_id, today = self_of(principal), business_date(now)
    mine = _of_cases(WorkOrder.ticket_id, owner_id=owner_id, today=today)
    query = select(WorkOrder).where(WorkOrder.id == work_order_id, mine)
    order = await session.scalar(query.with_for_update(of=WorkOrder).execution_options(populate_existing=True))
    if order is None:
        raise WorkOrderNotFound
    row = await order_of(session, work_order_id=work_order_id, owner_id=owner_id, today=today)
    sheet = await orders.facts_of(session, order)
    facts = OwnOrder(home_held=row.home_held, open_extension=sheet.open_extension, signed=sheet.signed)
    order.status = OWN_LIFECYCLE.check(step, status=order.status, subject=facts, actor=principal)
    return order


async def _name(session: AsyncSession, principal: Principal) -> str:
    return (await session.execute(select(Owner.name).where(Owner.id == self_of(principal)))).scalar_one()


async def answer_extension(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    consented: bool,
    note: str | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Answer a request for more time in person; consent counts up to the old limit, that instant included (REP-07).

    Raises `WorkOrderNotFound`, `WrongStatus`, `HomeSold`, `NoExtensionOpen`, `ConsentTooLate`.
    """
    order = await _take(session, work_order_id=work_order_id, step="consent", principal=principal, now=now)
    given = extensions.Answer(
        consented=consented, channel=Channel.WEB_FORM, consent_by=await _name(session, principal), note=note
    )
    await extensions.settle(session, order, given=given, calendar=calendar, principal=principal, now=now)
    return order


async def sign(
    session: AsyncSession,
    *,
    work_order_id: UUID,
    satisfaction: int,
    opinion: str | None,
    signature_file_id: UUID | None,
    calendar: WorkingCalendar,
    principal: Principal,
    now: datetime,
) -> WorkOrder:
    """Sign the acceptance in person, with a score on the policy's scale; the fourth signature signs off (REP-12).

    Satisfied is what lies above the middle of the scale and above its dissatisfied values. Raises `WorkOrderNotFound`,
    `WrongStatus`, `HomeSold`, `SeatTaken`, `SatisfactionOutOfScale`, `FileNotUsable`.
    """
    order = await _take(session, work_order_id=work_order_id, step="signature", principal=principal, now=now)
    policy = await policies.snapshot(session, snapshot_id=order.policy_snapshot_id)
    top = policy.integer("satisfaction.scale_max")
    if not 1 <= satisfaction <= top:
        kind = SatisfactionOutOfScale
        raise kind(errors=(FieldError("#/satisfaction", kind.code, kind.zh, kind.en),))
    satisfied = 2 * satisfaction > top + 1 and satisfaction > policy.integer("satisfaction.dissatisfied_max")
    given = completion.Acceptance(
        seat=SignatureSeat.OWNER,
        opinion=opinion,
        satisfied=satisfied,
        signature_file_id=signature_file_id,
        satisfaction=satisfaction,
    )
    signature = CompletionSignature(
        signed_by=principal.id, persons=[principal.id], signed_by_name=await _name(session, principal)
    )
    facts = await orders.facts_of(session, order)
    await completion.put(session, order, facts, signature, given=given, calendar=calendar, principal=principal, now=now)
    return order


@dataclass(frozen=True, slots=True)
class Cover:
    """The owner's warranty of one part of a home."""

    building_part: BuildingPart
    name: str
    covered_until: date | None
    """Its last day; None: the home is not delivered, so the period has not begun."""
    in_warranty: bool


def covers(snapshot: Snapshot, *, delivered_on: date | None, today: date) -> list[Cover]:
    """Return the owner's clock of every part under a policy, from the delivery (REP-08). Before the delivery the
    developer answers for everything (REP-17)."""
    found = []
    for part, name in PART_ZH.items():
        until = None if delivered_on is None else covered_until(delivered_on, owner_term(snapshot, part))
        found.append(Cover(part, name, until, in_warranty=until is None or today <= until))
    return found
