"""What the calendar and the worklist send and take."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from ownercare_api.core.wire import BusinessDate, Fault, Inward, Line, Outward
from ownercare_api.deadlines.views import DeadlineRead


class CalendarYearItem(Outward):
    """A year of the working calendar (工作日历)."""

    year: int = Field(examples=[2026])
    provisional: bool = Field(description="no official notice yet: Monday to Friday minus fixed-date holidays (暂算)")
    source: str = Field(
        description="the notice it comes from (依据)", examples=["国务院办公厅关于2026年部分节假日安排的通知"]
    )
    revised_at: datetime | None = Field(description="when it was put on file; null: not on file, computed")
    version: int = Field(description="rises with every import; 0: not on file", examples=[1])


class CalendarDayRead(Outward):
    """A day in Asia/Shanghai."""

    day: date
    is_working: bool = Field(description="a working day (工作日), make-up weekends (调休) included")
    note: str | None = Field(description="the holiday's name, or 调休上班", examples=["春节"])


class CalendarYearRead(CalendarYearItem):
    """A year with all of its days."""

    working_day_count: int = Field(examples=[248])
    days: list[CalendarDayRead]


class CalendarDayWrite(Inward):
    """A day of the full list."""

    day: BusinessDate
    is_working: bool = Field(strict=True, description="a working day (工作日)")
    note: Line | None = Field(default=None, description="the holiday's name (节日名称)", examples=["元旦"])


class CalendarYearWrite(Inward):
    """The official notice of a year (放假通知): either what differs from Monday to Friday, or the full list."""

    model_config = Inward.model_config | ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "国务院办公厅关于2027年部分节假日安排的通知(国办发明电〔2026〕12号)",
                    "days_off": ["2027-01-01", "2027-01-02", "2027-01-03", "2027-02-05", "2027-02-06"],
                    "working_days": ["2027-01-30"],
                }
            ]
        }
    )

    source: Line = Field(
        description="the notice it comes from (依据)", examples=["国务院办公厅关于2027年部分节假日安排的通知"]
    )
    days_off: list[BusinessDate] | None = Field(
        default=None, min_length=1, max_length=366, description="days off (放假), weekends among them or not"
    )
    working_days: list[BusinessDate] = Field(
        default_factory=list, max_length=104, description="weekends that are worked (调休上班)"
    )
    days: list[CalendarDayWrite] | None = Field(
        default=None, min_length=1, max_length=366, description="instead of the two: every day of the year, each once"
    )

    @model_validator(mode="after")
    def _one_form(self) -> "CalendarYearWrite":
        if (self.days is None) == (self.days_off is None) or (self.days is not None and self.working_days):
            raise Fault(
                "one_form",
                zh="放假日(days_off、working_days)与全年列表(days)须且只能提供一种。",
                en="Give either days_off and working_days, or the full list in days.",
            )
        return self


class DeadlineItem(DeadlineRead):
    """A clock of the worklist, with what it belongs to."""

    subject_kind: str = Field(description="what the clock is of (计时对象)", examples=["ticket"])
    subject_id: UUID
    ticket_id: UUID | None = Field(description="the case (工单)")
    project_id: UUID


class DeadlinePolicy(Outward):
    """The policy value behind a clock."""

    key: str = Field(examples=["survey_visit.workdays"])
    name: str = Field(examples=["现场勘察时限"])
    value: int = Field(examples=[1])
    unit: Literal["workdays", "business_hours", "elapsed_hours", "calendar_days"]
    snapshot_id: UUID = Field(description="the policy that the case keeps (政策快照)")
    version_id: UUID | None = Field(description="the published version that set the value; null: factory value")
    source: Literal["published", "factory"]
    business_hours: str = Field(examples=["09:00-18:00"])


class HoldRead(Outward):
    """A hold (暂停计时)."""

    started_at: datetime
    ended_at: datetime | None
    reason: str


class DeadlineWhy(DeadlineItem):
    """A clock and why it is due when it is."""

    policy: DeadlinePolicy
    extended_by: int = Field(description="what the owner consented to on top, in the policy's unit (REP-07)")
    first_counted: date | None = Field(description="the first day that counts; null for elapsed hours")
    last_counted: date | None = Field(description="the last day that counts")
    counted_days: list[date] = Field(description="the days that count, at most the first 100")
    provisional_days: list[date] = Field(description="days of years without an official notice, at most the first 100")
    holds: list[HoldRead] = Field(description="the holds that count (计入的暂停)")
    follows_calendar: bool = Field(
        description="false: the calendar was corrected later, and a corrected year moves nothing (reading 2)"
    )
    explanation: str = Field(description="the same in one sentence, in the caller's language")
