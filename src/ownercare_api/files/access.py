"""The scopes of the file room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

FilesRead = Annotated[Principal, door("files:read")]
FilesWrite = Annotated[Principal, door("files:write")]
