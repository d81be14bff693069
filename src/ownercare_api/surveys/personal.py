"""The room's part of copies and erasure of personal data: who answered, and answers in words."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, plain, wipe
from ownercare_api.surveys.lifecycle import QuestionKind
from ownercare_api.surveys.models import Questionnaire, SurveyResponse

_RESPONSE = SurveyResponse.__table__


def _theirs(person: Person) -> Any:
    """What he answered himself, and about his cases; about a home without a case, what carries the person's name."""
    named = _RESPONSE.c.unit_id.in_(list(person.unit_ids)) & _RESPONSE.c.respondent_name.in_(list(person.names))
    own = _RESPONSE.c.owner_id.in_(list(person.owner_ids))
    return or_(own, _RESPONSE.c.ticket_id.in_(list(person.ticket_ids)), named)


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Erase names and answers in words; scores stay, for they were counted and name nobody."""
    count: dict[str, int] = {}
    asked = select(_RESPONSE.c.id, _RESPONSE.c.answers, Questionnaire.questions)
    asked = asked.join(Questionnaire, Questionnaire.id == _RESPONSE.c.questionnaire_id)
    for row in (await session.execute(asked.where(_theirs(person)))).all():
        worded = {one["key"] for one in row.questions if one["kind"] == QuestionKind.TEXT.value}
        kept = {key: value for key, value in row.answers.items() if key not in worded}
        where = _RESPONSE.c.id == row.id
        await wipe(session, SurveyResponse, where=where, count=count, respondent_name=None, answers=kept)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return the answers given."""
    columns = [
        _RESPONSE.c.id, _RESPONSE.c.number, _RESPONSE.c.ticket_id, _RESPONSE.c.unit_id, _RESPONSE.c.mode,
        _RESPONSE.c.respondent_name, _RESPONSE.c.answers, _RESPONSE.c.recorded_at,
    ]  # fmt: skip
    found = await session.execute(select(*columns).where(_theirs(person)).order_by(_RESPONSE.c.id))
    return {"survey_responses": [plain(row) for row in found]}
