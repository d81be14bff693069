"""What the survey room shows of an owner on the 360° page, and moves when records are merged (OWN-02, OWN-10)."""

from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import Page
from ownercare_api.owners.merging import Move
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.page import Connection, PageSection, Wanted, shown
from ownercare_api.surveys import repository
from ownercare_api.surveys.models import Questionnaire, SurveyResponse
from ownercare_api.tickets.models import Ticket

SCOPE = "surveys:read"

R, Q, T = SurveyResponse.__table__.c, Questionnaire.__table__.c, Ticket.__table__.c
OWNERSHIP = Ownership.__table__.c


async def _surveys(connection: Connection, wanted: Wanted) -> Page[dict[str, Any]]:
    """What the owner answered, or was answered about his cases, or about his home while it was his."""
    columns: list[Any] = [
        R.id, R.number, R.questionnaire_id, Q.title, R.ticket_id, R.unit_id, R.mode, R.score_hundredths, R.scale_max,
        R.dissatisfied, R.severe, R.recorded_by_name, R.recorded_at,
    ]  # fmt: skip
    day = func.date(func.timezone("Asia/Shanghai", R.recorded_at))
    own_home = exists().where(
        OWNERSHIP.owner_id == wanted.owner_id,
        OWNERSHIP.unit_id == R.unit_id,
        OWNERSHIP.from_date <= day,
        or_(OWNERSHIP.to_date.is_(None), OWNERSHIP.to_date > day),
    )
    own_case = exists().where(T.id == R.ticket_id, T.owner_id == wanted.owner_id)
    unnamed = and_(R.owner_id.is_(None), R.ticket_id.is_(None), own_home)
    query = (
        select(*columns)
        .join(Questionnaire.__table__, Q.id == R.questionnaire_id)
        .where(or_(R.owner_id == wanted.owner_id, own_case, unnamed), repository.visible_to(wanted.principal))
    )
    return shown(await newest_first(connection, query=query, key=R.id, wanted=wanted.paging))


SECTIONS = (PageSection("surveys", SCOPE, _surveys),)
"""The sections of this room."""


async def owner_moved(session: AsyncSession, move: Move) -> int:
    """Give the answers of a merged record to the one that stands for it.

    Nobody answers twice for one home: where both did, the merged record's answer stays, without a person.
    """
    twin = aliased(SurveyResponse)
    mine = SurveyResponse.owner_id == move.merged_id
    double = exists().where(
        twin.owner_id == move.survivor_id,
        twin.questionnaire_id == SurveyResponse.questionnaire_id,
        twin.unit_id == SurveyResponse.unit_id,
        twin.ticket_id.is_(None),
    )
    raised = {"version": SurveyResponse.version + 1, "updated_at": move.now}
    await session.execute(
        update(SurveyResponse)
        .where(mine, SurveyResponse.ticket_id.is_(None), double)
        .values(owner_id=None, **raised)
        .execution_options(synchronize_session=False)
    )
    moved = await session.execute(
        update(SurveyResponse)
        .where(mine)
        .values(owner_id=move.survivor_id, **raised)
        .returning(SurveyResponse.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())
