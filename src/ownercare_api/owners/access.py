"""The scopes of the owner room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

OwnersRead = Annotated[Principal, Security(current_principal, scopes=["owners:read"])]
OwnersWrite = Annotated[Principal, Security(current_principal, scopes=["owners:write"])]
OwnersDisclose = Annotated[Principal, Security(current_principal, scopes=["owners:disclose"])]
OwnersVerify = Annotated[Principal, Security(current_principal, scopes=["owners:verify"])]
OwnersMerge = Annotated[Principal, Security(current_principal, scopes=["owners:merge"])]
