"""The scopes of the property room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

PropertiesRead = Annotated[Principal, Security(current_principal, scopes=["properties:read"])]
PropertiesWrite = Annotated[Principal, Security(current_principal, scopes=["properties:write"])]
