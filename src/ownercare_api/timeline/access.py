"""The scopes of the timeline room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

ChangesSync = Annotated[Principal, door("changes:read")]
AuditRead = Annotated[Principal, door("audit:read")]
