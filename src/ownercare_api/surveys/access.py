"""The scopes of the survey room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

SurveysRead = Annotated[Principal, door("surveys:read")]
SurveysManage = Annotated[Principal, door("surveys:manage")]
SurveysRecord = Annotated[Principal, door("surveys:record", "surveys:read")]
