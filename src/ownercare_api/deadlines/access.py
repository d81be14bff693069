"""The scopes of the calendar and of the clocks as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

DeadlinesRead = Annotated[Principal, Security(current_principal, scopes=["tickets:read"])]
"""Who may read the tickets of a project may see its clocks."""
CalendarsRead = Annotated[Principal, Security(current_principal, scopes=["calendars:read"])]
CalendarsWrite = Annotated[Principal, Security(current_principal, scopes=["calendars:write"])]
