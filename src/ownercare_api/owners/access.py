"""The scopes of the owner room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

OwnersRead = Annotated[Principal, door("owners:read")]
OwnersWrite = Annotated[Principal, door("owners:write", "owners:read")]
OwnersDisclose = Annotated[Principal, door("owners:disclose", "owners:read")]
OwnersVerify = Annotated[Principal, door("owners:verify", "owners:read")]
OwnersMerge = Annotated[Principal, door("owners:merge", "owners:read")]
PaymentPlansWrite = Annotated[Principal, door("owners:write", "owners:read", "contract_payments:read")]
PaymentsRead = Annotated[Principal, door("contract_payments:read")]
PaymentsRecord = Annotated[Principal, door("contract_payments:record", "contract_payments:read")]
PaymentsRemind = Annotated[Principal, door("contract_payments:remind", "contract_payments:read")]
