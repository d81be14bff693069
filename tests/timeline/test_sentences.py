"""Events as sentences."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownercare_api.core.errors import Language
from ownercare_api.timeline.sentences import SENTENCES, sentence


@pytest.mark.parametrize(
    ("kind", "data", "language", "text"),
    [
        ("ticket.registered", {}, "zh-CN", "周晓岚 登记了工单"),
        ("ticket.registered", {}, "en", "周晓岚 registered the ticket"),
        (
            "deadline.started",
            {"clock": "site_survey", "due_at": "2026-11-23T10:00:00+00:00"},
            "zh-CN",
            "“现场勘察”开始计时,2026-11-23 18:00 前完成",
        ),
        (
            "deadline.moved",
            {"clock": "repair", "due_at": "2026-11-25T10:00:00+00:00"},
            "en",
            "The repair clock is now due 2026-11-25 18:00",
        ),
        ("deadline.moved", {"clock": "new_clock"}, "en", "The new_clock clock is now due —"),
        ("retention.deducted", {"amount_fen": 123456}, "zh-CN", "从工程质量保证金扣除 1,234.56 元"),
        ("made.up", {}, "zh-CN", "made.up"),
    ],
)
def test_events_read_as_sentences(kind: str, data: dict[str, str | int], language: Language, text: str) -> None:
    assert sentence(kind=kind, actor="周晓岚", data=data, language=language) == text


@given(
    st.sampled_from(sorted(SENTENCES)),
    st.dictionaries(st.sampled_from(["clock", "due_at", "amount_fen", "actor"]), st.one_of(st.text(), st.integers())),
    st.text(alphabet=string.printable + "{}{0.__class__}周"),
)
def test_no_fact_or_name_breaks_a_sentence(kind: str, data: dict[str, object], actor: str) -> None:
    for language in ("zh-CN", "en"):
        read = sentence(kind=kind, actor=actor, data=data, language=language)
        if "{actor}" in SENTENCES[kind][0 if language == "zh-CN" else 1]:
            assert actor in read


def test_every_kind_has_both_languages() -> None:
    for kind, (zh, en) in SENTENCES.items():
        assert kind.count(".") == 1
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), kind
        assert en.isascii(), kind
