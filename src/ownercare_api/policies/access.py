"""The scopes of the policy room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

PoliciesRead = Annotated[Principal, Security(current_principal, scopes=["policies:read"])]
PoliciesPublish = Annotated[Principal, Security(current_principal, scopes=["policies:publish"])]
