"""The scopes of the integrations as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

CallCenterLookup = Annotated[Principal, door("call_center:lookup")]
