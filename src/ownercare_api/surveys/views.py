"""Representations of questionnaires, responses and results."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from ownercare_api.identity.principal import Principal
from ownercare_api.owners.restriction import may_see, shown_name
from ownercare_api.surveys.lifecycle import LIFECYCLE, QuestionKind
from ownercare_api.surveys.schemas import SurveyResponseSummary
from ownercare_api.surveys.scoring import mean_hundredths

_QUESTIONNAIRE = (
    "id",
    "code",
    "edition",
    "title",
    "status",
    "drafted_by",
    "drafted_at",
    "published_by",
    "published_at",
    "version",
)
_RESPONSE = tuple(SurveyResponseSummary.model_fields)


def questionnaire_summary(row: Any, *, principal: Principal, question_count: int | None = None) -> dict[str, Any]:
    """Return the fields of `QuestionnaireSummary`."""
    return {name: getattr(row, name) for name in _QUESTIONNAIRE} | {
        "question_count": row.question_count if question_count is None else question_count,
        "allowed_actions": LIFECYCLE.allowed(
            status=row.status,
            subject=row,
            actor=principal,
            may=lambda scope: principal.may(scope, project_id=None),
        ),
    }


def questionnaire(row: Any, *, principal: Principal) -> dict[str, Any]:
    """Return the fields of `QuestionnaireRead`."""
    return questionnaire_summary(row, principal=principal, question_count=len(row.questions)) | {
        "dimensions": sorted({question["dimension"] for question in row.questions}),
        "questions": row.questions,
        "deadlines": [],
    }


def response_summary(row: Any) -> dict[str, Any]:
    """Return the fields of `SurveyResponseSummary`."""
    return {name: getattr(row, name) for name in _RESPONSE}


def response(row: Any, *, principal: Principal) -> dict[str, Any]:
    """Return the fields of `SurveyResponseRead`; the answers in the questionnaire's order. Who answered is masked where
    the record of an owner concerned is restricted."""
    name = row.respondent_name
    if name is not None:
        name = shown_name(name, restricted=row.restricted, seen=may_see(principal))
    return response_summary(row) | {
        "respondent_name": name,
        "policy_snapshot_id": row.policy_snapshot_id,
        "answers": [
            {"question": question["key"], "value": row.answers[question["key"]]}
            for question in row.questions
            if question["key"] in row.answers
        ],
    }


def results(totals: Any, counts: Iterable[Any], *, project_id: UUID | None) -> dict[str, Any]:
    """Return the fields of `ResultsRead` from the two statements of `repository`."""
    by_key: dict[str, list[Any]] = defaultdict(list)
    for row in counts:
        by_key[row.key].append(row)
    return {
        "questionnaire_id": totals.id,
        "project_id": project_id,
        "responses": totals.responses,
        "scored": totals.scored,
        "mean_hundredths": _mean(totals.score_sum, totals.scored, hundredths_already=True),
        "satisfied_percent_hundredths": _percent(totals.satisfied, totals.scored),
        "dissatisfied": totals.dissatisfied,
        "severe": totals.severe,
        "questions": [
            _question(question, by_key.get(question["key"], []), scale_top=totals.scale_top)
            for question in totals.questions
        ],
    }


def _question(question: Mapping[str, Any], rows: list[Any], *, scale_top: int) -> dict[str, Any]:
    kind = QuestionKind(question["kind"])
    counted = {row.value: row.given for row in rows}
    answered = sum(row.given for row in rows)
    is_scale = kind is QuestionKind.SCALE
    values: list[Any] = {
        QuestionKind.SCALE: list(range(1, scale_top + 1)),
        QuestionKind.CHOICE: question["options"],
        QuestionKind.BOOLEAN: [True, False],
        QuestionKind.TEXT: [],
    }[kind]
    total = sum(row.value * row.given for row in rows) if is_scale else 0
    return {
        "key": question["key"],
        "text": question["text"],
        "kind": kind,
        "dimension": question["dimension"],
        "answered": answered,
        "distribution": [{"value": value, "count": counted.get(value, 0)} for value in values],
        "mean_hundredths": _mean(total, answered) if is_scale else None,
        "satisfied_percent_hundredths": _percent(sum(row.satisfied for row in rows), answered) if is_scale else None,
    }


def _mean(total: int, count: int, *, hundredths_already: bool = False) -> int | None:
    if count == 0:
        return None
    if hundredths_already:
        return (2 * int(total) + count) // (2 * count)
    return mean_hundredths(total=int(total), count=count)


def _percent(part: int, whole: int) -> int | None:
    return None if whole == 0 else (20_000 * part + whole) // (2 * whole)
