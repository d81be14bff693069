"""The scopes of the integrations as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

CallCenterLookup = Annotated[Principal, Security(current_principal, scopes=["call_center:lookup"])]
