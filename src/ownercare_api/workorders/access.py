"""The scopes of the room as typed names. Signatures also need the scope of their seat, checked in the service."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

SiteSurveysRead = Annotated[Principal, door("site_surveys:read")]
SiteSurveysArrange = Annotated[Principal, door("site_surveys:arrange", "site_surveys:read")]
SiteSurveysRecord = Annotated[Principal, door("site_surveys:record", "site_surveys:read")]
WorkOrdersRead = Annotated[Principal, door("work_orders:read")]
WorkOrdersRaise = Annotated[Principal, door("work_orders:raise", "work_orders:read")]
WorkOrdersDispatch = Annotated[Principal, door("work_orders:dispatch", "work_orders:read")]
WorkOrdersExecute = Annotated[Principal, door("work_orders:execute", "work_orders:read")]
WorkOrdersConsent = Annotated[Principal, door("work_orders:consent", "work_orders:read")]
WorkOrdersAccept = Annotated[Principal, door("work_orders:sign:customer_service", "work_orders:read")]
CallbacksRecord = Annotated[Principal, door("callbacks:record", "work_orders:read")]
