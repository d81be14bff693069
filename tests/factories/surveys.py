"""Questionnaires and the bodies that make them."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.surveys.lifecycle import QuestionnaireStatus
from ownercare_api.surveys.models import Questionnaire

QUESTIONS: list[dict[str, Any]] = [
    {
        "key": "repair_quality",
        "text": "您对维修质量是否满意?",
        "kind": "scale",
        "required": True,
        "options": [],
        "dimension": "after_sales_service",
    },
    {
        "key": "attitude",
        "text": "您对服务态度是否满意?",
        "kind": "scale",
        "required": False,
        "options": [],
        "dimension": "sales_service",
    },
    {
        "key": "best_point",
        "text": "您最满意的是哪一点?",
        "kind": "choice",
        "required": False,
        "options": ["上门及时", "态度热情", "一次修好"],
        "dimension": "after_sales_service",
    },
    {
        "key": "fixed",
        "text": "问题是否已经解决?",
        "kind": "boolean",
        "required": False,
        "options": [],
        "dimension": "after_sales_service",
    },
    {
        "key": "suggestion",
        "text": "其他意见与建议",
        "kind": "text",
        "required": False,
        "options": [],
        "dimension": "product",
    },
]


async def make_questionnaire(
    session: AsyncSession,
    *,
    now: datetime,
    code: str = "MYD-WX",
    edition: int = 1,
    status: QuestionnaireStatus = QuestionnaireStatus.PUBLISHED,
) -> Questionnaire:
    """Insert an edition with one question of every kind and two scales."""
    author = uuid7()
    published = status is QuestionnaireStatus.PUBLISHED
    made = Questionnaire(
        id=uuid7(),
        code=code,
        edition=edition,
        title="维修服务满意度调查表",
        questions=QUESTIONS,
        status=status,
        drafted_by=author,
        drafted_at=now,
        published_by=author if published else None,
        published_at=now if published else None,
    )
    session.add(made)
    await session.flush()
    return made


def answers(**values: Any) -> list[dict[str, Any]]:
    """Return the body's answers."""
    return [{"question": question, "value": value} for question, value in values.items()]
