"""The scopes of the room as typed names. Signatures also need the scope of their seat, checked in the service."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

SiteSurveysRead = Annotated[Principal, Security(current_principal, scopes=["site_surveys:read"])]
SiteSurveysArrange = Annotated[Principal, Security(current_principal, scopes=["site_surveys:arrange"])]
SiteSurveysRecord = Annotated[Principal, Security(current_principal, scopes=["site_surveys:record"])]
WorkOrdersRead = Annotated[Principal, Security(current_principal, scopes=["work_orders:read"])]
WorkOrdersRaise = Annotated[Principal, Security(current_principal, scopes=["work_orders:raise"])]
WorkOrdersDispatch = Annotated[Principal, Security(current_principal, scopes=["work_orders:dispatch"])]
WorkOrdersExecute = Annotated[Principal, Security(current_principal, scopes=["work_orders:execute"])]
WorkOrdersConsent = Annotated[Principal, Security(current_principal, scopes=["work_orders:consent"])]
WorkOrdersAccept = Annotated[Principal, Security(current_principal, scopes=["work_orders:sign:customer_service"])]
CallbacksRecord = Annotated[Principal, Security(current_principal, scopes=["callbacks:record"])]
