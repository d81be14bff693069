"""The scopes of the exchange room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

OwnersImport = Annotated[Principal, Security(current_principal, scopes=["owners:import"])]
OwnersExport = Annotated[Principal, Security(current_principal, scopes=["owners:export"])]
ExportsRead = Annotated[Principal, Security(current_principal, scopes=["exports:read"])]
ExportsApprove = Annotated[Principal, Security(current_principal, scopes=["exports:approve"])]
