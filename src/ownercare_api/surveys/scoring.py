"""Answers against their questionnaire, and what they add up to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.surveys.lifecycle import QuestionKind

MAX_TEXT = 2000


class InvalidAnswers(Invalid):
    """422: answers do not fit the questionnaire; `errors` points at each."""

    code = "invalid_answers"
    zh = "答卷与问卷不符,详见 errors。"
    en = "The answers do not fit the questionnaire; see errors."
    rules = ("CBK-08",)


@dataclass(frozen=True, slots=True)
class Scale:
    """The policy's scale: 1 is the worst. `dissatisfied` and `severe` are the highest values that still count so."""

    top: int
    dissatisfied: int
    severe: int

    def satisfied(self, value: int) -> bool:
        """Say whether one answer is satisfied: above the middle of the scale, and not dissatisfied by policy."""
        return 2 * value > self.top + 1 and value > self.dissatisfied


@dataclass(frozen=True, slots=True)
class Score:
    """What a response adds up to; `low` names the questions answered with dissatisfaction."""

    hundredths: int | None
    dissatisfied: bool
    severe: bool
    low: tuple[str, ...]


def check_answers(
    questions: Sequence[Mapping[str, Any]], answers: Sequence[tuple[str, Any]], *, scale: Scale
) -> dict[str, Any]:
    """Return the answers by question key; raises `InvalidAnswers` with a pointer for every fault."""
    known = {question["key"]: question for question in questions}
    found: dict[str, Any] = {}
    faults: list[FieldError] = []
    for position, (key, value) in enumerate(answers):
        at = f"#/answers/{position}"
        question = known.get(key)
        if question is None:
            faults.append(_fault(f"{at}/question", "unknown_question", "问卷中没有此题。", "No such question."))
        elif key in found:
            faults.append(_fault(f"{at}/question", "answered_twice", "同一题只能作答一次。", "It is answered twice."))
        else:
            fault = _value_fault(question, value, scale=scale)
            if fault is not None:
                faults.append(_fault(f"{at}/value", *fault))
            found[key] = value
    missing = [key for key, question in known.items() if question["required"] and key not in found]
    if missing:
        # Keys are the questionnaire's own words, not the caller's.
        names = "、".join(missing)
        faults.append(
            _fault("#/answers", "answer_missing", f"必答题未作答:{names}。", f"Required and unanswered: {names}.")
        )
    if faults:
        raise InvalidAnswers(errors=tuple(faults[:50]))
    return found


def _fault(pointer: str, code: str, zh: str, en: str) -> FieldError:
    return FieldError(pointer, code, zh, en)


def _value_fault(question: Mapping[str, Any], value: Any, *, scale: Scale) -> tuple[str, str, str] | None:
    match QuestionKind(question["kind"]):
        case QuestionKind.SCALE:
            if not _whole(value) or not 1 <= value <= scale.top:
                top = scale.top
                return "not_on_scale", f"应为 1 至 {top} 的整数。", f"This must be a whole number from 1 to {top}."
        case QuestionKind.CHOICE:
            if not isinstance(value, str) or value not in question["options"]:
                return "not_an_option", "应为题目所列选项之一。", "This must be one of the question's options."
        case QuestionKind.BOOLEAN:
            if not isinstance(value, bool):
                return "bool_type", "应为 true 或 false。", "This must be true or false."
        case QuestionKind.TEXT:
            if not isinstance(value, str) or not 1 <= len(value.strip()) <= MAX_TEXT:
                zh, en = f"应为 1 至 {MAX_TEXT} 字的文本。", f"This must be a text of 1 to {MAX_TEXT} characters."
                return "text_length", zh, en
    return None


def score(questions: Iterable[Mapping[str, Any]], answers: Mapping[str, Any], *, scale: Scale) -> Score:
    """Add up a response. One dissatisfied answer makes it dissatisfied: the mean must not hide it (CBK-12, CBK-13)."""
    given = {
        question["key"]: int(answers[question["key"]])
        for question in questions
        if question["kind"] == QuestionKind.SCALE and question["key"] in answers
    }
    if not given:
        return Score(None, dissatisfied=False, severe=False, low=())
    lowest = min(given.values())
    return Score(
        hundredths=mean_hundredths(total=sum(given.values()), count=len(given)),
        dissatisfied=lowest <= scale.dissatisfied,
        severe=lowest <= scale.severe,
        low=tuple(key for key, value in given.items() if value <= scale.dissatisfied),
    )


def mean_hundredths(*, total: int, count: int) -> int:
    """Return total / count times 100, half up; `count` is at least 1."""
    return (200 * total + count) // (2 * count)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
