"""Every SELECT of the room. Rows for answers come with the names that an answer shows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.approvals.models import Approval, ApprovalStatus
from ownercare_api.contractors.models import Firm, RepairTeam, RepairWorker
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.models import Owner
from ownercare_api.properties.models import Project, Unit
from ownercare_api.tickets.models import Ticket
from ownercare_api.workorders.lifecycle import DEAD, SurveyStatus
from ownercare_api.workorders.models import (
    CallbackAttempt,
    CompletionSignature,
    EstimateLine,
    Extension,
    SiteSurvey,
    SurveyParty,
    WorkOrder,
    WorkOrderPhoto,
)

Connection = AsyncConnection | AsyncSession
S, P, L = SiteSurvey.__table__.c, SurveyParty.__table__.c, EstimateLine.__table__.c
W, X = WorkOrder.__table__.c, Extension.__table__.c
G, F, C = CompletionSignature.__table__.c, WorkOrderPhoto.__table__.c, CallbackAttempt.__table__.c


def surveys_visible_to(principal: Principal, *, scope: str = "site_surveys:read") -> ColumnElement[bool]:
    """Return the condition on `site_survey`: the caller's projects, and where the caller's firm is invited."""
    reach = principal.reach(scope)
    if reach.everywhere:
        return literal(True)
    ways: list[ColumnElement[bool]] = [S.project_id.in_(list(reach.projects))]
    if reach.firms:
        ways.append(exists().where(P.survey_id == S.id, P.firm_id.in_(list(reach.firms))))
    return or_(*ways)


def orders_visible_to(principal: Principal, *, scope: str = "work_orders:read") -> ColumnElement[bool]:
    """Return the condition on `work_order`: the caller's projects, and orders of the caller's firm.

    A property company sees what its teams have; a contractor the class-A orders it must answer for.
    """
    reach = principal.reach(scope)
    if reach.everywhere:
        return literal(True)
    ways: list[ColumnElement[bool]] = [W.project_id.in_(list(reach.projects))]
    if reach.firms:
        firms = list(reach.firms)
        ways += [W.firm_id.in_(firms), W.contractor_firm_id.in_(firms)]
    return or_(*ways)


_home = [
    Ticket.number.label("ticket_number"),
    Project.name.label("project_name"),
    Unit.address.label("unit_address"),
]
_restricted = exists().where(Owner.id == Ticket.owner_id, Owner.restricted_at.is_not(None)).correlate(Ticket)


# Surveys.


def surveys(*, principal: Principal, filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query of visible surveys."""
    query = (
        select(*S, *_home)
        .join(Ticket, Ticket.id == S.ticket_id)
        .join(Project, Project.id == S.project_id)
        .outerjoin(Unit, Unit.id == S.unit_id)
        .where(surveys_visible_to(principal))
    )
    return query.where(*(S[name] == value for name, value in filters.items()))


async def survey(connection: Connection, *, survey_id: UUID, principal: Principal) -> Any:
    """Return a visible survey's row."""
    return (await connection.execute(surveys(principal=principal, filters={"id": survey_id}))).one_or_none()


async def lock_survey(session: AsyncSession, *, survey_id: UUID, principal: Principal) -> SiteSurvey | None:
    """Return a visible survey, locked for change."""
    query = select(SiteSurvey).where(S.id == survey_id, surveys_visible_to(principal))
    return await session.scalar(query.with_for_update(of=SiteSurvey).execution_options(populate_existing=True))


async def parties(connection: Connection, *, survey_ids: Collection[UUID]) -> Sequence[Any]:
    """Return the parties of some surveys, in the order of the form, with their firms' names and the captain."""
    query = (
        select(*P, Firm.name.label("firm_name"))
        .outerjoin(Firm, Firm.id == P.firm_id)
        .where(P.survey_id.in_(list(survey_ids)))
        .order_by(P.id)
    )
    return (await connection.execute(query)).all()


async def party_rows(session: AsyncSession, *, survey_id: UUID) -> list[SurveyParty]:
    """Return the parties of a survey, to be changed under its lock."""
    query = select(SurveyParty).where(P.survey_id == survey_id).order_by(P.id)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def captain(connection: Connection, *, team_id: UUID | None) -> UUID | None:
    """Return the captain of a team."""
    query = select(RepairTeam.captain_id).where(RepairTeam.id == team_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def lines(connection: Connection, *, survey_id: UUID) -> Sequence[Any]:
    """Return a survey's estimate lines in order; `work_order_id` is null where no live order covers the line."""
    live = select(W.id).where(W.id == L.work_order_id, W.status.not_in(DEAD)).scalar_subquery()
    query = (
        select(L.id, L.position, L.description, L.trade, L.amount_fen, live.label("work_order_id"))
        .where(L.survey_id == survey_id)
        .order_by(L.position)
    )
    return (await connection.execute(query)).all()


async def open_survey(session: AsyncSession, *, ticket_id: UUID) -> UUID | None:
    """Return the ticket's survey that is arranged or recorded."""
    states = (SurveyStatus.ARRANGED, SurveyStatus.RECORDED)
    return await session.scalar(select(S.id).where(S.ticket_id == ticket_id, S.status.in_(states)).limit(1))


async def delivered_on(session: AsyncSession, *, unit_id: UUID | None) -> date | None:
    """Return when a home was delivered to its owner (OWN-14)."""
    return None if unit_id is None else await session.scalar(select(Unit.delivered_on).where(Unit.id == unit_id))


# Work orders.

_Contractor = aliased(Firm)


def orders(*, principal: Principal, filters: Mapping[str, Any]) -> Select[Any]:
    """Return the query of visible work orders."""
    query = (
        select(
            *W,
            *_home,
            Firm.name.label("firm_name"),
            _Contractor.name.label("contractor_name"),
            RepairTeam.name.label("team_name"),
            RepairTeam.captain_id,
            RepairWorker.name.label("worker_name"),
            Approval.number.label("approval_number"),
            Approval.status.label("approval_status"),
            Approval.total_fen.label("approval_total_fen"),
            _restricted.label("restricted"),
            Ticket.owner_id.label("case_owner_id"),
        )
        .join(Ticket, Ticket.id == W.ticket_id)
        .join(Project, Project.id == W.project_id)
        .outerjoin(Unit, Unit.id == W.unit_id)
        .outerjoin(Firm, Firm.id == W.firm_id)
        .outerjoin(_Contractor, _Contractor.id == W.contractor_firm_id)
        .outerjoin(RepairTeam, RepairTeam.id == W.team_id)
        .outerjoin(RepairWorker, RepairWorker.id == W.worker_id)
        .outerjoin(Approval, Approval.id == W.approval_id)
        .where(orders_visible_to(principal))
    )
    return query.where(*(W[name] == value for name, value in filters.items()))


async def order(connection: Connection, *, work_order_id: UUID, principal: Principal) -> Any:
    """Return a visible work order's row."""
    return (await connection.execute(orders(principal=principal, filters={"id": work_order_id}))).one_or_none()


async def visible_order(
    session: AsyncSession, *, work_order_id: UUID, principal: Principal, lock: bool
) -> WorkOrder | None:
    """Return a visible work order, locked for change if asked."""
    query = select(WorkOrder).where(W.id == work_order_id, orders_visible_to(principal))
    if lock:
        query = query.with_for_update(of=WorkOrder).execution_options(populate_existing=True)
    return await session.scalar(query)


async def lock_order(session: AsyncSession, *, work_order_id: UUID) -> WorkOrder | None:
    """Return a work order, locked for change; for what happens by itself."""
    query = select(WorkOrder).where(W.id == work_order_id)
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def estimates_total(session: AsyncSession, *, ticket_id: UUID) -> int:
    """Return the estimates of all live orders of a ticket, in fen."""
    query = select(func.coalesce(func.sum(W.estimate_fen), 0)).where(W.ticket_id == ticket_id, W.status.not_in(DEAD))
    return int(await session.scalar(query) or 0)


async def pending_siblings(session: AsyncSession, *, ticket_id: UUID, besides: UUID) -> list[WorkOrder]:
    """Return the ticket's other live orders whose approval is pending, oldest first."""
    query = (
        select(WorkOrder)
        .join(Approval, Approval.id == W.approval_id)
        .where(
            W.ticket_id == ticket_id,
            W.id != besides,
            W.status.not_in(DEAD),
            Approval.status == ApprovalStatus.PENDING,
        )
        .order_by(W.id)
    )
    return list(await session.scalars(query))


async def emergencies_without_survey(session: AsyncSession, *, ticket_id: UUID) -> list[WorkOrder]:
    """Return and lock the ticket's live emergency orders that were raised before any survey."""
    query = (
        select(WorkOrder)
        .where(W.ticket_id == ticket_id, W.survey_id.is_(None), W.status.not_in(DEAD))
        .order_by(W.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(query))


async def approval_pending(session: AsyncSession, *, approval_id: UUID | None) -> bool:
    """Say whether an approval request is still pending."""
    query = select(Approval.id).where(Approval.id == approval_id, Approval.status == ApprovalStatus.PENDING)
    return await session.scalar(query) is not None


async def extensions(connection: Connection, *, work_order_id: UUID) -> Sequence[Any]:
    """Return the requests for more time, oldest first."""
    return (await connection.execute(select(*X).where(X.work_order_id == work_order_id).order_by(X.id))).all()


async def open_extension(session: AsyncSession, *, work_order_id: UUID) -> Extension | None:
    """Return the request for more time that is not answered."""
    query = select(Extension).where(X.work_order_id == work_order_id, X.answered_at.is_(None))
    return await session.scalar(query.with_for_update().execution_options(populate_existing=True))


async def signatures(connection: Connection, *, work_order_id: UUID) -> Sequence[Any]:
    """Return the signatures of all rounds, oldest first."""
    return (await connection.execute(select(*G).where(G.work_order_id == work_order_id).order_by(G.id))).all()


async def photos(connection: Connection, *, work_order_id: UUID) -> Sequence[Any]:
    """Return the photos, oldest first."""
    query = select(*F).where(F.work_order_id == work_order_id).order_by(F.round, F.phase.desc(), F.file_id)
    return (await connection.execute(query)).all()


async def callbacks(connection: Connection, *, work_order_id: UUID) -> Sequence[Any]:
    """Return the callback attempts, oldest first."""
    query = select(*C).where(C.work_order_id == work_order_id).order_by(C.attempt)
    return (await connection.execute(query)).all()


async def order_lines(connection: Connection, *, work_order_id: UUID) -> Sequence[Any]:
    """Return the estimate lines that an order covers."""
    query = select(*L).where(L.work_order_id == work_order_id).order_by(L.survey_id, L.position)
    return (await connection.execute(query)).all()


async def owner_name(session: AsyncSession, *, ticket_id: UUID) -> str:
    """Return the name of the ticket's owner, else of its caller."""
    query = (
        select(func.coalesce(Owner.name, Ticket.caller_name))
        .select_from(Ticket)
        .outerjoin(Owner, Owner.id == Ticket.owner_id)
        .where(Ticket.id == ticket_id)
    )
    return str(await session.scalar(query))
