"""The scopes of the calendar and of the clocks as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

DeadlinesRead = Annotated[Principal, door("tickets:read")]
"""Who may read the tickets of a project may see its clocks."""
CalendarsRead = Annotated[Principal, door("calendars:read")]
CalendarsWrite = Annotated[Principal, door("calendars:write")]
