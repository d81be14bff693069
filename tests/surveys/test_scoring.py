"""Answers against their questionnaire, and what they add up to."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories.surveys import QUESTIONS

from ownercare_api.surveys.scoring import InvalidAnswers, Scale, check_answers, mean_hundredths, score

FIVE = Scale(top=5, dissatisfied=2, severe=1)


def faults(*answers: tuple[str, Any], scale: Scale = FIVE) -> list[tuple[str, str]]:
    try:
        check_answers(QUESTIONS, answers, scale=scale)
    except InvalidAnswers as refused:
        return [(fault.pointer, fault.code) for fault in refused.errors]
    return []


@pytest.mark.rule("CBK-08")
@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("repair_quality", 0, "not_on_scale"),
        ("repair_quality", 6, "not_on_scale"),
        ("repair_quality", True, "not_on_scale"),
        ("repair_quality", "5", "not_on_scale"),
        ("best_point", "免费", "not_an_option"),
        ("best_point", 1, "not_an_option"),
        ("fixed", 1, "bool_type"),
        ("fixed", "true", "bool_type"),
        ("suggestion", "  ", "text_length"),
        ("suggestion", "长" * 2001, "text_length"),
        ("suggestion", 5, "text_length"),
    ],
)
def test_each_kind_refuses_what_is_not_its_own(key: str, value: Any, code: str) -> None:
    found = faults(("repair_quality", 5), (key, value)) if key != "repair_quality" else faults((key, value))
    assert found == [(f"#/answers/{0 if key == 'repair_quality' else 1}/value", code)]


@pytest.mark.rule("CBK-08")
def test_every_fault_is_told_at_once() -> None:
    assert faults(("nobody_asked", 5), ("attitude", 9), ("attitude", 3)) == [
        ("#/answers/0/question", "unknown_question"),
        ("#/answers/1/value", "not_on_scale"),
        ("#/answers/2/question", "answered_twice"),
        ("#/answers", "answer_missing"),
    ]
    assert faults(("repair_quality", 7), scale=Scale(top=10, dissatisfied=4, severe=2)) == []


@pytest.mark.rule("CBK-12")
@pytest.mark.rule("CBK-13")
@pytest.mark.parametrize(
    ("given_values", "hundredths", "dissatisfied", "severe", "low"),
    [
        ({"repair_quality": 5, "attitude": 4}, 450, False, False, ()),
        ({"repair_quality": 3}, 300, False, False, ()),
        ({"repair_quality": 5, "attitude": 2}, 350, True, False, ("attitude",)),
        ({"repair_quality": 5, "attitude": 1}, 300, True, True, ("attitude",)),
        ({"repair_quality": 1, "attitude": 2}, 150, True, True, ("repair_quality", "attitude")),
        ({"fixed": False}, None, False, False, ()),
    ],
)
def test_one_bad_answer_is_not_hidden_by_the_mean(
    given_values: dict[str, Any], hundredths: int | None, dissatisfied: bool, severe: bool, low: tuple[str, ...]
) -> None:
    found = score(QUESTIONS, given_values, scale=FIVE)
    assert (found.hundredths, found.dissatisfied, found.severe, found.low) == (hundredths, dissatisfied, severe, low)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_means_are_rounded_half_up(total: int, count: int) -> None:
    exact = Fraction(total * 100, count)
    found = mean_hundredths(total=total, count=count)
    assert found - Fraction(1, 2) <= exact < found + Fraction(1, 2)


@given(st.integers(3, 10), st.data())
def test_satisfied_and_dissatisfied_never_meet(top: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(1, top - 1))
    scale = Scale(top=top, dissatisfied=low, severe=1)
    satisfied = [value for value in range(1, top + 1) if scale.satisfied(value)]
    assert top in satisfied
    assert all(value > low and value > top / 2 for value in satisfied)


def test_four_and_five_of_five_are_satisfied() -> None:
    assert [value for value in range(1, 6) if FIVE.satisfied(value)] == [4, 5]
