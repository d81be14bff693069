"""One case, repair or attachment of an owner, read for an answer; and what takes several rooms to do."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import SelectBase, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Forbidden, Language
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.views import of_subjects
from ownercare_api.files import own as files
from ownercare_api.files import service as attachments
from ownercare_api.files.models import FilePurpose
from ownercare_api.identity.models import AuthSession
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import own as owners
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.own import self_of
from ownercare_api.policies import service as policies
from ownercare_api.portal import views
from ownercare_api.portal.repository import Connection
from ownercare_api.properties import service as properties
from ownercare_api.tickets import own as tickets
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.own import OwnIntake
from ownercare_api.workorders import own as workorders
from ownercare_api.workorders.models import WorkOrder

FRESH = timedelta(minutes=10)
"""How old a login may be in which clear data are handed out."""


class FreshLoginNeeded(Forbidden):
    """403: clear data are handed out in a login of the last ten minutes only."""

    code = "fresh_login_needed"
    zh = "为保护您的个人信息,请重新用短信验证码登录后十分钟内办理。"
    en = "Log in again with a one-time code, and do this within ten minutes."
    rules = ("OWN-07",)


_OPEN = (TicketStatus.REGISTERED, TicketStatus.ACCEPTED, TicketStatus.RESOLVED)


async def require_fresh_login(session: AsyncSession, *, principal: Principal, now: datetime) -> None:
    """Raise `FreshLoginNeeded` unless the caller has logged in within the last ten minutes."""
    began = await session.scalar(select(AuthSession.created_at).where(AuthSession.id == principal.session_id))
    if began is None or now - began > FRESH:
        raise FreshLoginNeeded


async def homes_now(connection: Connection, *, principal: Principal, now: datetime) -> list[Any]:
    """Return the homes that are the caller's now, the newest first."""
    query = owners.homes(owner_id=self_of(principal), today=business_date(now))
    newest_first = query.order_by(Ownership.from_date.desc(), Ownership.id.desc())
    return list((await connection.execute(newest_first)).all())


async def scales(connection: Connection, *, homes: Sequence[Any], now: datetime) -> dict[UUID, int]:
    """Return the top of the satisfaction scale in the projects of some homes, where a policy is in force."""
    found = {}
    for project_id in {home.project_id for home in homes}:
        try:
            policy = await policies.in_force(connection, project_id=project_id, at=now)
        except policies.NoPolicy:
            continue
        found[project_id] = policy.integer("satisfaction.scale_max")
    return found


async def covers(connection: Connection, home: Any, *, now: datetime) -> list[workorders.Cover]:
    """Return the warranty of a home under the policy in force; nothing where there is none."""
    try:
        policy = await policies.in_force(connection, project_id=home.project_id, at=now)
    except policies.NoPolicy:
        return []
    return workorders.covers(policy, delivered_on=home.delivered_on, today=business_date(now))


async def ticket(
    connection: Connection, *, ticket_id: UUID, principal: Principal, now: datetime, language: Language
) -> dict[str, Any]:
    """Return the fields of `MyTicketRead`; raises `TicketNotFound`."""
    owner_id, today = self_of(principal), business_date(now)
    row = await tickets.case_of(connection, ticket_id=ticket_id, owner_id=owner_id, today=today)
    orders = workorders.own_orders(owner_id=owner_id, today=today).where(WorkOrder.ticket_id == ticket_id)
    attached = files.own_files(principal=principal, meant=meant(principal, now=now))
    return views.ticket(
        row,
        clocks=(await of_subjects(connection, subject_ids=[ticket_id], now=now))[ticket_id],
        told=await tickets.told(connection, ticket_id=ticket_id),
        visits=(await connection.execute(workorders.visits(ticket_id=ticket_id))).all(),
        orders=(await connection.execute(orders.order_by(WorkOrder.id))).all(),
        files=(await connection.execute(attached.where(files.F.ticket_id == ticket_id).order_by(files.F.id))).all(),
        principal=principal,
        language=language,
    )


async def order(
    connection: Connection, *, work_order_id: UUID, principal: Principal, now: datetime, language: Language
) -> dict[str, Any]:
    """Return the fields of `MyWorkOrderRead`; raises `WorkOrderNotFound`."""
    owner_id, today = self_of(principal), business_date(now)
    row = await workorders.order_of(connection, work_order_id=work_order_id, owner_id=owner_id, today=today)
    return views.order(
        row,
        await workorders.parts_of(connection, row, principal=principal),
        clocks=(await of_subjects(connection, subject_ids=[work_order_id], now=now))[work_order_id],
        principal=principal,
        language=language,
    )


async def register(
    session: AsyncSession,
    *,
    database: Database,
    intake: OwnIntake,
    file_ids: Sequence[UUID],
    calendar: WorkingCalendar,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> UUID:
    """Register an owner's matter with the photos that he uploaded before; returns its id.

    Raises `PhoneNotFound`, `PlaceNotFound`, `NoPolicy`, `FileNotUsable`.
    """
    made, project_id = await tickets.register(
        session, database=database, intake=intake, calendar=calendar, keyring=keyring, principal=principal, now=now
    )
    await attachments.attach(
        session,
        file_ids=file_ids,
        ticket_id=made.ticket_id,
        project_id=project_id,
        principal=principal,
        purposes=(FilePurpose.PHOTO_SITE,),
    )
    return made.ticket_id


def meant(principal: Principal, *, now: datetime) -> SelectBase:
    """Return the query of the ids of others' attachments that are meant for the caller."""
    return workorders.files_shown(owner_id=self_of(principal), today=business_date(now))


async def place_of(
    connection: Connection, *, ticket_id: UUID | None, unit_id: UUID | None, principal: Principal, now: datetime
) -> UUID:
    """Return the project of an open case or a home of the caller's; one id is given.

    Raises `TicketNotFound`, `WrongStatus`, `UnitNotFound`.
    """
    owner_id, today = self_of(principal), business_date(now)
    if ticket_id is not None:
        case = await tickets.case_of(connection, ticket_id=ticket_id, owner_id=owner_id, today=today)
        if case.status not in _OPEN:
            raise WrongStatus(status=case.status.value, step="files")
        found: UUID = case.project_id
        return found
    held = await connection.execute(select(owners.holds(unit_id, owner_id=owner_id, today=today)))
    if unit_id is None or not held.scalar():
        raise properties.UnitNotFound
    home = await properties.unit(connection, unit_id=unit_id)
    project_id: UUID = home.project_id
    return project_id
