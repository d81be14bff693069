"""The scopes of the approval room as typed names; a decision also needs its tier's scope, which the service checks."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

ApprovalsRead = Annotated[Principal, Security(current_principal, scopes=["approvals:read"])]
