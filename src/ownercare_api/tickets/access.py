"""The scopes of the ticket room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

TicketsRead = Annotated[Principal, Security(current_principal, scopes=["tickets:read"])]
TicketsRegister = Annotated[Principal, Security(current_principal, scopes=["tickets:register"])]
TicketsTriage = Annotated[Principal, Security(current_principal, scopes=["tickets:triage"])]
TicketsHandle = Annotated[Principal, Security(current_principal, scopes=["tickets:handle"])]
TicketsClose = Annotated[Principal, Security(current_principal, scopes=["tickets:close"])]
HistoryRead = Annotated[Principal, Security(current_principal, scopes=["tickets:read", "timeline:read"])]
