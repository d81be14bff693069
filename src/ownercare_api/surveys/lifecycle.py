"""The life of a questionnaire, and the words of surveys."""

from enum import StrEnum

from ownercare_api.core.lifecycle import Lifecycle, Step


class QuestionnaireStatus(StrEnum):
    """Where an edition stands. A published one never changes: a change makes the next edition."""

    DRAFT = "draft"
    PUBLISHED = "published"


class QuestionKind(StrEnum):
    """How a question is answered."""

    SCALE = "scale"
    CHOICE = "choice"
    TEXT = "text"
    BOOLEAN = "boolean"


class Dimension(StrEnum):
    """What a question is about (SUR-08)."""

    PRODUCT = "product"
    SALES_SERVICE = "sales_service"
    AFTER_SALES_SERVICE = "after_sales_service"


class SurveyMode(StrEnum):
    """How the owner was asked (SUR-03)."""

    PHONE = "phone"
    QUESTIONNAIRE = "questionnaire"
    INTERVIEW = "interview"
    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"


LIFECYCLE: Lifecycle[QuestionnaireStatus] = Lifecycle.of(
    "questionnaire",
    QuestionnaireStatus.DRAFT,
    [
        Step(
            "publication",
            frozenset({QuestionnaireStatus.DRAFT}),
            QuestionnaireStatus.PUBLISHED,
            "surveys:manage",
            rules=("CBK-08", "SUR-08"),
        ),
    ],
)
