"""The scopes of the survey room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

SurveysRead = Annotated[Principal, Security(current_principal, scopes=["surveys:read"])]
SurveysManage = Annotated[Principal, Security(current_principal, scopes=["surveys:manage"])]
SurveysRecord = Annotated[Principal, Security(current_principal, scopes=["surveys:record"])]
