"""What the 400 call centre sends and gets."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from ownercare_api.core.phone_field import PhoneNumber
from ownercare_api.core.wire import Inward, Outward
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.owners.documents import Sex
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.tickets.lifecycle import Category, Channel, TicketStatus


def _example(**fields: Any) -> ConfigDict:
    return Inward.model_config | ConfigDict(json_schema_extra={"examples": [fields]})


class CallerLookup(Inward):
    """The number that is calling, as the platform shows it."""

    model_config = _example(phone="138 1234 1234")

    phone: PhoneNumber = Field(description="+86 and 0086, full-width digits, landlines with area code are all fine")


class NextDeadline(Outward):
    """The clock of a case that is due first."""

    kind: ClockKind
    due_at: datetime
    overdue: bool


class CallerTicket(Outward):
    """A case, as much as the agent needs at the first glance."""

    id: UUID
    number: str = Field(examples=["TS-20261120-0007"])
    status: TicketStatus
    category: Category
    title: str = Field(examples=["主卧卫生间渗漏,楼下天花板滴水"])
    urgent: bool
    unit_id: UUID | None
    received_at: datetime
    next_deadline: NextDeadline | None


class Direction(StrEnum):
    """Who turned to whom."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class CallerContact(Outward):
    """A talk with the owner: a line of the register, or one of ours."""

    ticket_id: UUID
    ticket_number: str
    direction: Direction
    kind: str = Field(description="category of a register line, or what our talk was about", examples=["repair"])
    channel: Channel
    content: str
    at: datetime
    by_name: str = Field(description="who of us took or made it")


class PartWarranty(Outward):
    """The owner's warranty of one building part."""

    building_part: BuildingPart
    name: str = Field(examples=["给排水管道"])
    covered_until: date = Field(description="last day of the owner's cover")
    in_warranty: bool = Field(description="today is within it")


class CallerHome(Outward):
    """A present home of the caller."""

    unit_id: UUID
    project_id: UUID
    project_name: str = Field(examples=["云栖雅苑"])
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    share_bp: int
    delivered_on: date | None
    moved_in_on: date | None
    warranty: list[PartWarranty] = Field(description="by building part; empty before delivery")


class CallerOwner(Outward):
    """An owner who has the number, masked."""

    id: UUID
    name: str = Field(examples=["王秀英"])
    sex: Sex | None
    document_masked: str | None
    preferences: str | None = Field(description="special needs and preferences (OWN-03)")
    restricted: bool = Field(description="the data may only be used for the open cases (限制处理); name masked")
    phone_label: str | None
    phone_is_primary: bool
    homes: list[CallerHome]
    open_tickets: list[CallerTicket] = Field(description="newest first")
    last_contacts: list[CallerContact] = Field(description="the last five, newest first")


class CallerRead(Outward):
    """Who is calling."""

    lookup_id: UUID = Field(description="names this look-up in the timeline")
    phone_masked: str = Field(examples=["138****1234"])
    owners: list[CallerOwner] = Field(description="none, one, or several who share the number")
    more_owners: bool = Field(
        description="twenty owners are shown, the oldest records; there may be more who share the number"
    )
    unlinked_tickets: list[CallerTicket] = Field(
        description="cases registered for this number before without an owner, newest first, at most ten"
    )
