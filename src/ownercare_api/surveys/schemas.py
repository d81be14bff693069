"""What the survey room sends and takes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr, StringConstraints, model_validator

from ownercare_api.core.wire import Code, Fault, Inward, Line, Name, Outward
from ownercare_api.surveys.lifecycle import Dimension, QuestionKind, QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.scoring import MAX_TEXT

QuestionnaireCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{1,31}$")]


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


_QUESTIONS: list[dict[str, Any]] = [
    {"key": "repair_quality", "text": "您对维修质量是否满意?", "kind": "scale", "dimension": "after_sales_service"},
    {
        "key": "best_point",
        "text": "您最满意的是哪一点?",
        "kind": "choice",
        "required": False,
        "options": ["上门及时", "态度热情", "一次修好"],
        "dimension": "after_sales_service",
    },
    {"key": "suggestion", "text": "其他意见与建议", "kind": "text", "required": False, "dimension": "product"},
]


class Question(Inward):
    """One question. A scale runs from 1 (worst) to the policy's `satisfaction.scale_max`."""

    key: Code = Field(description="names the answer; unique in the questionnaire", examples=["repair_quality"])
    text: Line = Field(description="as the owner is asked (题目)", examples=["您对维修质量是否满意?"])
    kind: QuestionKind = Field(description="how it is answered", examples=["scale"])
    required: bool = Field(default=True, description="必答")
    options: list[Name] = Field(default_factory=list, max_length=20, description="only for `choice`: 2 to 20 (选项)")
    dimension: Dimension = Field(description="what it is about (SUR-08)", examples=["after_sales_service"])

    @model_validator(mode="after")
    def _options_fit(self) -> "Question":
        if len(self.options) == 1 or (self.kind is QuestionKind.CHOICE) != bool(self.options):
            raise Fault(
                "options_mismatch",
                zh="选择题须有 2 至 20 个选项,其他题型不带选项。",
                en="A choice has 2 to 20 options; other kinds have none.",
            )
        if len(set(self.options)) != len(self.options):
            raise Fault("repeated", zh="选项不能重复。", en="An option is listed twice.")
        return self


def _unique_keys(questions: list[Question]) -> list[Question]:
    if len({question.key for question in questions}) != len(questions):
        raise Fault("repeated", zh="题目的 key 不能重复。", en="Two questions have the same key.")
    return questions


Questions = Annotated[list[Question], Field(min_length=1, max_length=60)]


class QuestionnaireCreate(Inward):
    """The first edition of a questionnaire, or the next one of a code that is published already."""

    model_config = _example(code="MYD-WX", title="维修服务满意度调查表", questions=_QUESTIONS)

    code: QuestionnaireCode = Field(description="stays through all editions (编号)")
    title: Line
    questions: Questions

    @model_validator(mode="after")
    def _keys(self) -> "QuestionnaireCreate":
        _unique_keys(self.questions)
        return self


class QuestionnaireUpdate(Inward):
    """Fields of a draft; what is absent stays (JSON Merge Patch)."""

    model_config = _example(title="维修服务满意度调查表(2026)")

    # The factories only make a field optional without making it nullable; their values are never used.
    title: Line = Field(default_factory=str)
    questions: Questions = Field(default_factory=list)

    @model_validator(mode="after")
    def _keys(self) -> "QuestionnaireUpdate":
        _unique_keys(self.questions)
        return self


class QuestionRead(Outward):
    """One question."""

    key: str
    text: str
    kind: QuestionKind
    required: bool
    options: list[str]
    dimension: Dimension


class QuestionnaireSummary(Outward):
    """An edition in a list."""

    id: UUID
    code: str = Field(examples=["MYD-WX"])
    edition: int = Field(description="1, 2, … within the code (版次)")
    title: str
    status: QuestionnaireStatus
    question_count: int
    drafted_by: UUID
    drafted_at: datetime
    published_by: UUID | None
    published_at: datetime | None
    version: int
    allowed_actions: list[str]


class QuestionnaireRead(QuestionnaireSummary):
    """An edition with its questions."""

    dimensions: list[Dimension] = Field(description="those that its questions cover (SUR-08)")
    questions: list[QuestionRead]
    deadlines: list[Any] = Field(description="always empty: nothing is owed here by a time", max_length=0)


class AnswerCreate(Inward):
    """The answer to one question."""

    question: Code = Field(description="the question's key")
    value: StrictInt | StrictBool | Annotated[StrictStr, Field(max_length=MAX_TEXT)] = Field(
        description="scale: a whole number; choice: the option's text; boolean; text", examples=[5]
    )


class SurveyResponseCreate(Inward):
    """What one owner answered, about a case or about a home."""

    model_config = _example(
        questionnaire_id="0198c5f0-0000-7000-8000-000000000081",
        ticket_id="0198c5f0-0000-7000-8000-000000000031",
        mode="phone",
        respondent_name="沈若溪",
        answers=[
            {"question": "repair_quality", "value": 5},
            {"question": "best_point", "value": "一次修好"},
            {"question": "suggestion", "value": "希望维修前先电话约时间。"},
        ],
    )

    questionnaire_id: UUID = Field(description="a published edition")
    ticket_id: UUID | None = Field(default=None, description="the case it is about, or")
    unit_id: UUID | None = Field(default=None, description="the home it is about: exactly one of the two")
    mode: SurveyMode = Field(description="how the owner was asked (SUR-03)")
    respondent_name: Name | None = Field(default=None, description="who answered (受访人)")
    answers: list[AnswerCreate] = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _about_one(self) -> "SurveyResponseCreate":
        if (self.ticket_id is None) == (self.unit_id is None):
            raise Fault(
                "ticket_or_unit",
                zh="ticket_id 与 unit_id 须且只能填写一个。",
                en="Name exactly one of ticket_id and unit_id.",
            )
        return self


class AnswerRead(Outward):
    """The answer to one question."""

    question: str
    value: int | bool | str


class SurveyResponseSummary(Outward):
    """A response in a list."""

    id: UUID
    number: str = Field(examples=["WJ-20261120-0001"])
    questionnaire_id: UUID
    project_id: UUID
    ticket_id: UUID | None
    unit_id: UUID | None
    mode: SurveyMode
    score_hundredths: int | None = Field(
        description="mean of the scale answers times 100: 467 is 4.67; null: none was answered", examples=[467]
    )
    scale_max: int = Field(description="top of the scale at that time")
    dissatisfied: bool = Field(description="some answer is dissatisfied by policy (CBK-13)")
    severe: bool = Field(description="some answer is seriously dissatisfied: the manager joins the re-visit (CBK-12)")
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime
    version: int


class SurveyResponseRead(SurveyResponseSummary):
    """A response with its answers."""

    respondent_name: str | None
    policy_snapshot_id: UUID
    answers: list[AnswerRead]


class ValueCount(Outward):
    """How often one value was given."""

    value: int | bool | str
    count: int


class QuestionResult(Outward):
    """What was answered to one question."""

    key: str
    text: str
    kind: QuestionKind
    dimension: Dimension
    answered: int
    distribution: list[ValueCount] = Field(description="every value of a scale, choice or boolean, in order; no texts")
    mean_hundredths: int | None = Field(description="scale questions: mean times 100")
    satisfied_percent_hundredths: int | None = Field(
        description="scale questions: satisfied answers in percent, times 100: 8333 is 83.33 %"
    )


class ResultsRead(Outward):
    """What a questionnaire found, over the responses that the caller may see (CBK-09, SUR-05)."""

    questionnaire_id: UUID
    project_id: UUID | None
    responses: int
    scored: int = Field(description="responses with at least one scale answer")
    mean_hundredths: int | None = Field(description="mean of the responses' scores, times 100")
    satisfied_percent_hundredths: int | None = Field(
        description="responses whose score is above the middle of the scale, in percent of the scored ones, times 100"
    )
    dissatisfied: int
    severe: int
    questions: list[QuestionResult]
