"""Use cases of questionnaires: draft, change, publish (CBK-08, SUR-08)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.surveys import repository
from ownercare_api.surveys.lifecycle import LIFECYCLE, QuestionnaireStatus
from ownercare_api.surveys.models import Questionnaire
from ownercare_api.timeline import service as timeline

MANAGE = "surveys:manage"


class QuestionnaireNotFound(NotFound):
    """404: no such questionnaire."""

    code = "questionnaire_not_found"
    zh, en = "问卷不存在。", "There is no such questionnaire."


class DraftExists(Conflict):
    """409: the code has an edition that is not published yet."""

    code = "questionnaire_draft_exists"
    zh = "该编号已有未发布的草稿,请修改草稿,或先发布。"
    en = "This code has a draft already; change it, or publish it first."
    rules = ("CBK-08",)


class EditionPublished(Conflict):
    """409: a published edition never changes."""

    code = "questionnaire_published"
    zh = "已发布的问卷不可修改;请以相同编号新建下一版。"
    en = "A published edition can't be changed; draft the next edition under the same code."
    rules = ("CBK-08",)


async def draft(
    session: AsyncSession,
    *,
    code: str,
    title: str,
    questions: list[dict[str, Any]],
    principal: Principal,
    now: datetime,
) -> Questionnaire:
    """Draft the first edition of a code, or the next one. Raises `OutOfReach`, `DraftExists`."""
    principal.require(MANAGE, project_id=None)
    newest = await repository.lock_newest_edition(session, code=code)
    if newest is not None and newest.status is QuestionnaireStatus.DRAFT:
        raise DraftExists
    made = Questionnaire(
        id=uuid7(),
        code=code,
        edition=1 if newest is None else newest.edition + 1,
        title=title,
        questions=questions,
        status=LIFECYCLE.initial,
        drafted_by=principal.id,
        drafted_at=now,
    )
    session.add(made)
    await _record(session, "questionnaire.created", questionnaire=made, principal=principal, now=now)
    return made


async def for_change(session: AsyncSession, *, questionnaire_id: UUID, principal: Principal) -> Questionnaire:
    """Return an edition locked for change; raises `QuestionnaireNotFound`, `OutOfReach`."""
    found = await repository.lock_questionnaire(session, questionnaire_id=questionnaire_id)
    if found is None:
        raise QuestionnaireNotFound
    principal.require(MANAGE, project_id=None)
    return found


async def change(
    session: AsyncSession,
    *,
    questionnaire: Questionnaire,
    title: str | None = None,
    questions: list[dict[str, Any]] | None = None,
    principal: Principal,
    now: datetime,
) -> None:
    """Change a locked draft; what is None stays. Raises `EditionPublished`."""
    if questionnaire.status is QuestionnaireStatus.PUBLISHED:
        raise EditionPublished
    if title is not None:
        questionnaire.title = title
    if questions is not None:
        questionnaire.questions = questions
    await _record(session, "questionnaire.updated", questionnaire=questionnaire, principal=principal, now=now)


async def publish(session: AsyncSession, *, questionnaire: Questionnaire, principal: Principal, now: datetime) -> None:
    """Publish a locked draft: from now on it takes answers and never changes. Raises `WrongStatus`."""
    questionnaire.status = LIFECYCLE.check(
        "publication", status=questionnaire.status, subject=questionnaire, actor=principal
    )
    questionnaire.published_by, questionnaire.published_at = principal.id, now
    await _record(session, "questionnaire.published", questionnaire=questionnaire, principal=principal, now=now)


async def _record(
    session: AsyncSession, kind: str, *, questionnaire: Questionnaire, principal: Principal, now: datetime
) -> None:
    await session.flush()
    await timeline.record(
        session,
        kind=kind,
        subject_kind="questionnaire",
        subject_id=questionnaire.id,
        actor=principal,
        now=now,
        rules=LIFECYCLE.steps["publication"].rules,
        data={
            "code": questionnaire.code,
            "edition": questionnaire.edition,
            "questions": len(questionnaire.questions),
        },
    )
