"""What the ticket room shows of an owner on the 360° page, and moves when records are merged (OWN-02, OWN-10)."""

from typing import Any

from sqlalchemy import Text, cast, literal, null, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.pagination import Page, cut
from ownercare_api.owners.merging import Move
from ownercare_api.owners.page import Connection, PageSection, Wanted, shown
from ownercare_api.tickets import repository
from ownercare_api.tickets.lifecycle import Category
from ownercare_api.tickets.models import OwnerContact, RegisterEntry, Ticket
from ownercare_api.timeline import service as timeline

SCOPE = "tickets:read"

T, R, K = Ticket.__table__.c, RegisterEntry.__table__.c, OwnerContact.__table__.c


async def _cases(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    query = select(
        T.id, T.number, T.project_id, T.unit_id, T.category, T.domain, T.status, T.title, T.urgent, T.department,
        T.received_at, T.resolved_at, T.closed_at, T.result,
    ).where(T.owner_id == wanted.owner_id, repository.visible_to(wanted.principal))  # fmt: skip
    return await _page(connection, query, wanted)


async def _complaints(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    """Complaints and suggestions: content, result, and whether the owner was satisfied with it (OWN-02)."""
    told = (
        select(K.satisfied, K.owner_opinion, K.at)
        .where(K.ticket_id == T.id, K.kind == "owner_feedback")
        .order_by(K.at.desc(), K.id.desc())
        .limit(1)
        .lateral("told")
    )
    query = (
        select(
            T.id, T.number, T.category, T.status, T.title, T.description, T.demand, T.claim_fen, T.received_at,
            T.result, told.c.satisfied, told.c.owner_opinion, told.c.at.label("informed_at"),
        )
        .select_from(Ticket.__table__.outerjoin(told, literal(True)))
        .where(
            T.owner_id == wanted.owner_id,
            T.category.in_([Category.COMPLAINT, Category.SUGGESTION]),
            repository.visible_to(wanted.principal),
        )
    )  # fmt: skip
    return await _page(connection, query, wanted)


async def _communication(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    """Every call, visit and message in, and every talk of ours with the owner, newest first by when it was entered."""
    here = (T.owner_id == wanted.owner_id, repository.visible_to(wanted.principal))
    incoming = (
        select(
            R.id, T.id.label("ticket_id"), T.number.label("ticket_number"), literal("incoming").label("direction"),
            cast(R.category, Text).label("kind"), cast(R.channel, Text).label("channel"), R.summary.label("content"),
            cast(null(), Text).label("owner_opinion"), R.received_at.label("at"), R.taken_by_name.label("by_name"),
        )
        .join(Ticket.__table__, T.id == R.ticket_id)
        .where(*here)
    )  # fmt: skip
    outgoing = (
        select(
            K.id, T.id, T.number, literal("outgoing"), cast(K.kind, Text), cast(K.channel, Text), K.content,
            K.owner_opinion, K.at, K.by_name,
        )
        .join(Ticket.__table__, T.id == K.ticket_id)
        .where(*here)
    )  # fmt: skip
    if wanted.paging.after is not None:
        last = wanted.paging.after[0]
        incoming, outgoing = incoming.where(R.id < last), outgoing.where(K.id < last)
    size = wanted.paging.limit + 1
    both = union_all(incoming.order_by(R.id.desc()).limit(size), outgoing.order_by(K.id.desc()).limit(size)).subquery()
    rows = (await connection.execute(select(both).order_by(both.c.id.desc()).limit(size))).all()
    return shown(cut(rows, limit=wanted.paging.limit, key=lambda row: (row.id,)))


async def _page(connection: Connection, query: Any, wanted: Wanted) -> Page[dict[str, Any]]:
    if wanted.paging.after is not None:
        query = query.where(T.id < wanted.paging.after[0])
    rows = (await connection.execute(query.order_by(T.id.desc()).limit(wanted.paging.limit + 1))).all()
    return shown(cut(rows, limit=wanted.paging.limit, key=lambda row: (row.id,)))


SECTIONS = (
    PageSection("cases", SCOPE, _cases),
    PageSection("complaints", SCOPE, _complaints),
    PageSection("communication", SCOPE, _communication),
)
"""The sections of this room."""


async def owner_moved(session: AsyncSession, move: Move) -> int:
    """Give the cases of a merged record to the one that stands for it; each case's history says so."""
    moved = await session.execute(
        update(Ticket)
        .where(Ticket.owner_id == move.merged_id)
        .values(owner_id=move.survivor_id, version=Ticket.version + 1, updated_at=move.now)
        .returning(Ticket.id, Ticket.project_id)
        .execution_options(synchronize_session=False)
    )
    cases = moved.all()
    for case in cases:
        await timeline.record(
            session,
            kind="ticket.owner_merged",
            subject_kind="ticket",
            subject_id=case.id,
            ticket_id=case.id,
            project_id=case.project_id,
            actor=move.principal,
            now=move.now,
            rules=("OWN-12",),
            data={"from_owner_id": str(move.merged_id), "to_owner_id": str(move.survivor_id)},
        )
    return len(cases)
