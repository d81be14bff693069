"""The scopes of the approval room as typed names; a decision also needs its tier's scope, which the service checks."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

ApprovalsRead = Annotated[Principal, door("approvals:read")]
