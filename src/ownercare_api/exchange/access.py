"""The scopes of the exchange room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

OwnersImport = Annotated[Principal, door("owners:import")]
OwnersExport = Annotated[Principal, door("owners:export")]
ExportsRead = Annotated[Principal, door("exports:read")]
ExportsApprove = Annotated[Principal, door("exports:approve")]
