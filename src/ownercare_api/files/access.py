"""The scopes of the file room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

FilesRead = Annotated[Principal, Security(current_principal, scopes=["files:read"])]
FilesWrite = Annotated[Principal, Security(current_principal, scopes=["files:write"])]
