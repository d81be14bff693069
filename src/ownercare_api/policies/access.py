"""The scopes of the policy room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

PoliciesRead = Annotated[Principal, door("policies:read")]
PoliciesPublish = Annotated[Principal, door("policies:publish")]
