"""The scope of the background jobs as a typed name."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

JobsRead = Annotated[Principal, door("jobs:read")]
