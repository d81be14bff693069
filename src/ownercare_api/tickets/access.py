"""The scopes of the ticket room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

TicketsRead = Annotated[Principal, door("tickets:read")]
TicketsRegister = Annotated[Principal, door("tickets:register", "tickets:read")]
TicketsTriage = Annotated[Principal, door("tickets:triage", "tickets:read")]
TicketsHandle = Annotated[Principal, door("tickets:handle", "tickets:read")]
TicketsClose = Annotated[Principal, door("tickets:close", "tickets:read")]
HistoryRead = Annotated[Principal, door("tickets:read", "timeline:read")]
