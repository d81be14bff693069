"""The scopes of the property room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

PropertiesRead = Annotated[Principal, door("properties:read")]
PropertiesWrite = Annotated[Principal, door("properties:write", "properties:read")]
