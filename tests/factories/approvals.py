"""Approval requests, asked for through the room's own door."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from tests.factories.cases import calendar_of
from tests.factories.org import Org

from ownercare_api.approvals import service
from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStep
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines.models import Deadline
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.timeline.models import Event


def clerk(name: str = "王资料员") -> Principal:
    """Return an employee without any grant, who asks."""
    return Principal(kind=PrincipalKind.STAFF, id=uuid7(), name=name, grants=())


async def make_request(
    session: AsyncSession,
    *,
    org: Org,
    now: datetime,
    amount_fen: int = 150_000,
    total_fen: int | None = None,
    subject_kind: str = "work_order",
    subject_id: UUID | None = None,
    emergency: bool = False,
    makers: Mapping[UUID, str] | None = None,
    actor: Principal | None = None,
) -> Approval:
    """Ask for approval of an amount under the org's policy; by a new clerk unless `actor` is named."""
    return await service.request(
        session,
        subject_kind=subject_kind,
        subject_id=subject_id or uuid7(),
        ticket_id=None,
        project_id=org.project.id,
        title="PG-20261120-0001 卫生间渗漏维修",
        amount_fen=amount_fen,
        total_fen=amount_fen if total_fen is None else total_fen,
        emergency=emergency,
        snapshot=org.snapshot,
        calendar=await calendar_of(session),
        makers=makers or {},
        actor=actor or clerk(),
        now=now,
    )


async def everything(connection: AsyncConnection | AsyncSession) -> list[Any]:
    """Return all that the room keeps, to prove that nothing changed."""
    found: list[Any] = []
    for table, key in (
        (Approval, Approval.id),
        (ApprovalStep, ApprovalStep.id),
        (ApprovalMaker, ApprovalMaker.account_id),
        (Deadline, Deadline.id),
        (Event, Event.seq),
    ):
        rows = await connection.execute(select(table.__table__).order_by(key))
        found.append([tuple(row) for row in rows])
    return found
