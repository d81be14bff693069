"""The scope of the background jobs as a typed name."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

JobsRead = Annotated[Principal, Security(current_principal, scopes=["jobs:read"])]
