"""What an owner sees and does of his own cases (业主本人): whose case it is, registering, urging, withdrawing."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Date, Select, cast, exists, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Forbidden, TooMany
from ownercare_api.core.hot import driver_of
from ownercare_api.core.ids import uuid7
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.core.numbers import next_number
from ownercare_api.deadlines import service as deadlines
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import own as owners
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.own import HomeSold, self_of
from ownercare_api.properties.models import Project, Unit
from ownercare_api.tickets import registration, service
from ownercare_api.tickets.lifecycle import LIFECYCLE, Category, Channel, Domain, TicketStatus
from ownercare_api.tickets.models import OwnerContact, RegisterEntry, Ticket
from ownercare_api.tickets.registration import Intake, PlaceNotFound, Registered
from ownercare_api.tickets.service import TicketNotFound

Connection = AsyncConnection | AsyncSession

CHASES_A_DAY = 5
_DAY = timedelta(days=1)


class NotYourCase(Forbidden):
    """403: one sees it for the home's sake, but did not raise it."""

    code = "not_your_case"
    zh = "该工单不是您本人提出的,此项不能由您办理。"
    en = "You did not raise this case, so this is not yours to do."
    rules = ("OWN-07",)


class ChasedEnough(TooMany):
    """429: the case was chased as often as a day allows."""

    code = "chased_enough"
    zh = "您今天对该工单的催办次数已达上限,我们正在处理,请稍后再试。"
    en = "You have chased this case as often as a day allows; it is being handled."
    rules = ("CHN-03",)


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case as the guards of the owner's steps see it."""

    category: Category
    open_work: int
    mine: bool
    """He raised it, or it was registered in his name."""
    home_held: bool
    """Its home is his now, or it is about none."""


def _raised_by_him(case: OwnCase, _: object) -> None:
    if not case.mine:
        raise NotYourCase


def _home_is_his(case: OwnCase, _: object) -> None:
    # The repair of a home that was sold is the new owner's concern.
    if case.category is Category.REPAIR and not case.home_held:
        raise HomeSold


_S, _STEPS = TicketStatus, LIFECYCLE.steps

OWN_LIFECYCLE: Lifecycle[TicketStatus] = Lifecycle.of(
    "my_ticket",
    _S.REGISTERED,
    [
        # Of a case that is resolved or closed it asks to take it up again; staff reopen it.
        Step("chase", frozenset(_S) - {_S.WITHDRAWN}, None, owners.WRITE, rules=("CHN-03", "CMP-24")),
        Step(
            "withdrawal",
            _STEPS["withdrawal"].sources,
            _STEPS["withdrawal"].target,
            owners.WRITE,
            (_raised_by_him, _home_is_his, *_STEPS["withdrawal"].guards),
            _STEPS["withdrawal"].rules,
        ),
    ],
)
"""An owner's own steps, over the statuses of a ticket."""


def cases(*, owner_id: UUID, today: date) -> CompoundSelect[Any]:
    """Return the query of the ids of an owner's cases.

    His are those in his name, for ever; and those about a home he has now that were received while he had it. What
    was received before he bought it, or about a home he sold, is another's (OWN-07).
    """
    received_on = cast(func.timezone("Asia/Shanghai", Ticket.received_at), Date)
    then = aliased(Ownership)
    had_it = exists().where(
        then.owner_id == owner_id,
        then.unit_id == Ticket.unit_id,
        then.from_date <= received_on,
        or_(then.to_date.is_(None), then.to_date > received_on),
    )
    # Two index scans; as one condition with OR the planner would walk the whole table.
    return union(
        select(Ticket.id).where(Ticket.owner_id == owner_id),
        select(Ticket.id).where(Ticket.unit_id.in_(owners.homes_held(owner_id=owner_id, today=today)), had_it),
    )


def own_cases(*, owner_id: UUID, today: date) -> Select[Any]:
    """Return the query of an owner's cases, with `mine` and `home_held`; for lists, and for one with a condition."""
    mine = func.coalesce(Ticket.owner_id == owner_id, False)
    columns: list[Any] = [
        Ticket.id, Ticket.number, Ticket.status, Ticket.version, Ticket.category, Ticket.domain, Ticket.channel,
        Ticket.title, Ticket.description, Ticket.demand, Ticket.urgent, Ticket.claim_fen, Ticket.unit_id,
        Unit.address.label("unit_address"), Ticket.project_id, Project.name.label("project_name"), Ticket.department,
        Ticket.received_at, Ticket.updated_at, Ticket.round, Ticket.result, Ticket.held_at, Ticket.resolved_at,
        Ticket.owner_informed_at, Ticket.closed_at, Ticket.open_work, Ticket.caller_name, Ticket.caller_phone_masked,
        mine.label("mine"),
        or_(Ticket.unit_id.is_(None), owners.holds(Ticket.unit_id, owner_id=owner_id, today=today)).label("home_held"),
    ]  # fmt: skip
    return (
        select(*columns)
        .join(Project, Project.id == Ticket.project_id)
        .outerjoin(Unit, Unit.id == Ticket.unit_id)
        .where(Ticket.id.in_(cases(owner_id=owner_id, today=today)))
    )


async def case_of(connection: Connection, *, ticket_id: UUID, owner_id: UUID, today: date) -> Any:
    """Return one of an owner's cases as a row of `own_cases`; raises `TicketNotFound`."""
    query = own_cases(owner_id=owner_id, today=today).where(Ticket.id == ticket_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise TicketNotFound
    return row


def facts_of(row: Any) -> OwnCase:
    """Return what the guards look at, from a row of `own_cases`."""
    return OwnCase(row.category, row.open_work, row.mine, row.home_held)


def allowed(row: Any, *, principal: Principal) -> list[str]:
    """Return the steps that the owner may take now."""
    return OWN_LIFECYCLE.allowed(
        status=row.status, subject=facts_of(row), actor=principal, may=principal.scopes.__contains__
    )


async def told(connection: Connection, *, ticket_id: UUID) -> Any:
    """Return what was said to the owner about a case, oldest first."""
    contact = OwnerContact
    query = (
        select(contact.kind, contact.channel, contact.content, contact.owner_opinion, contact.satisfied, contact.at)
        .where(contact.ticket_id == ticket_id)
        .order_by(contact.id)
    )
    return (await connection.execute(query)).all()


async def take(session: AsyncSession, *, ticket_id: UUID, step: str, principal: Principal, now: datetime) -> Ticket:
    """Lock one of the caller's cases for a step of his and move it; raises what forbids it."""
    owner_id, today = self_of(principal), business_date(now)
    query = select(Ticket).where(Ticket.id == ticket_id, Ticket.id.in_(cases(owner_id=owner_id, today=today)))
    ticket = await session.scalar(query.with_for_update(of=Ticket).execution_options(populate_existing=True))
    if ticket is None:
        raise TicketNotFound
    held = ticket.unit_id is None or bool(
        await session.scalar(select(owners.holds(ticket.unit_id, owner_id=owner_id, today=today)))
    )
    facts = OwnCase(ticket.category, ticket.open_work, ticket.owner_id == owner_id, held)
    ticket.status = OWN_LIFECYCLE.check(step, status=ticket.status, subject=facts, actor=principal)
    return ticket


@dataclass(frozen=True, slots=True)
class OwnIntake:
    """What an owner registers himself, about a home of his."""

    unit_id: UUID
    category: Category
    channel: Channel
    title: str
    description: str
    demand: str | None
    urgent: bool
    claim_fen: int | None
    phone_id: UUID | None


async def register(
    session: AsyncSession,
    *,
    database: Database,
    intake: OwnIntake,
    calendar: WorkingCalendar,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> tuple[Registered, UUID]:
    """Register an owner's own matter, received now, with the numbers and clocks of any other (CHN-03); returns it and
    its project. Raises `PhoneNotFound`, `PlaceNotFound`, `NoPolicy`.
    """
    owner_id = self_of(principal)
    card = await owners.card(session, owner_id=owner_id, phone_id=intake.phone_id, keyring=keyring)
    whole = Intake(
        unit_id=intake.unit_id,
        project_id=None,
        owner_id=owner_id,
        domain=Domain.OWNER_HOME,
        category=intake.category,
        channel=intake.channel,
        title=intake.title,
        description=intake.description,
        demand=intake.demand,
        urgent=intake.urgent,
        claim_fen=intake.claim_fen,
        caller_name=card.name,
        caller_phone=card.phone,
        received_at=now,
    )
    driver = await driver_of(session)
    place = await registration.place_of(driver, intake=whole, now=now)
    if place is None or not place["owner_fits"]:
        raise PlaceNotFound
    made = await registration.enter(
        driver,
        database=database,
        intake=whole,
        phone=card.phone,
        place=place,
        calendar=calendar,
        keyring=keyring,
        principal=principal,
        now=now,
    )
    return made, place["project_id"]


async def chase(
    session: AsyncSession,
    *,
    ticket_id: UUID,
    channel: Channel,
    summary: str,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Ticket:
    """Enter an owner's urging (催办) into the register; no clock moves (CHN-03).

    Of a resolved or closed case it is a wish to take it up again, for staff to decide. Raises `TicketNotFound`,
    `WrongStatus`, `ChasedEnough`.
    """
    ticket = await take(session, ticket_id=ticket_id, step="chase", principal=principal, now=now)
    if await _chased_since(session, ticket_id=ticket.id, by=principal.id, since=now - _DAY) >= CHASES_A_DAY:
        raise ChasedEnough(headers={"Retry-After": "3600"})
    card = await owners.card(session, owner_id=self_of(principal), phone_id=None, keyring=keyring)
    number = await next_number(session, kind="DJ", day=business_date(now))
    session.add(
        RegisterEntry(
            id=uuid7(),
            number=number,
            project_id=ticket.project_id,
            ticket_id=ticket.id,
            channel=channel,
            category=ticket.category,
            caller_name=card.name,
            caller_phone_masked=card.phone_masked,
            summary=summary,
            received_at=now,
            taken_by=principal.id,
            taken_by_name=principal.name,
        )
    )
    ticket.updated_at = now
    flag_modified(ticket, "updated_at")  # the version rises, also twice in one instant
    again = ticket.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    kind = "ticket.reopening_asked" if again else "ticket.chased"
    await service.record(
        session, ticket=ticket, kind=kind, step="register-entries", principal=principal, now=now,
        data={"register_number": number, "channel": channel.value},
    )  # fmt: skip
    return ticket


async def _chased_since(session: AsyncSession, *, ticket_id: UUID, by: UUID, since: datetime) -> int:
    """Count a person's lines about a case but for the first line of all, which registered it."""
    lines = select(RegisterEntry.id).where(RegisterEntry.ticket_id == ticket_id)
    first = lines.order_by(RegisterEntry.id).limit(1).scalar_subquery()
    own = lines.where(RegisterEntry.taken_by == by, RegisterEntry.received_at > since, RegisterEntry.id != first)
    return int(await session.scalar(select(func.count()).select_from(own.subquery())) or 0)


async def withdraw(
    session: AsyncSession, *, ticket_id: UUID, reason: str, principal: Principal, now: datetime
) -> Ticket:
    """End a case that its owner withdraws while no work is open; it stays in the register.

    Raises `TicketNotFound`, `WrongStatus`, `NotYourCase`, `HomeSold`, `WorkOpen`.
    """
    ticket = await take(session, ticket_id=ticket_id, step="withdrawal", principal=principal, now=now)
    ticket.closed_at = now
    await deadlines.cancel(session, subject_id=ticket.id, actor=principal, now=now)
    await service.record(
        session, ticket=ticket, kind="ticket.withdrawn", step="withdrawal", principal=principal, now=now,
        data={"reason": reason},
    )  # fmt: skip
    return ticket
