"""The scopes of the settlement room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_release import OPINION_SCOPE

SettlementsRead = Annotated[Principal, door("settlements:read")]
AccountsFile = Annotated[Principal, door("accounts:file", "settlements:read")]
SettlementsWrite = Annotated[Principal, door("settlements:write", "settlements:read")]
SettlementsNotify = Annotated[Principal, door("settlements:notify", "settlements:read")]
SettlementsConfirm = Annotated[Principal, door("settlements:confirm", "settlements:read")]
SettlementsCertify = Annotated[Principal, door("settlements:certify", "settlements:read")]
SettlementsPay = Annotated[Principal, door("settlements:pay", "settlements:read")]
LedgerRead = Annotated[Principal, door("ledger:read")]
LedgerOpen = Annotated[Principal, door("ledger:open", "ledger:read")]
RetentionOpinion = Annotated[Principal, door(OPINION_SCOPE, "ledger:read")]
RetentionPay = Annotated[Principal, door("settlements:pay", "ledger:read")]
