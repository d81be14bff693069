"""The scopes of the contractor room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

ContractorsRead = Annotated[Principal, Security(current_principal, scopes=["contractors:read"])]
ContractorsWrite = Annotated[Principal, Security(current_principal, scopes=["contractors:write"])]
