"""The scopes of the timeline room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

ChangesSync = Annotated[Principal, Security(current_principal, scopes=["changes:read"])]
AuditRead = Annotated[Principal, Security(current_principal, scopes=["audit:read"])]
