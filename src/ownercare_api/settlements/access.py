"""The scopes of the settlement room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal
from ownercare_api.settlements.lifecycle_release import OPINION_SCOPE

SettlementsRead = Annotated[Principal, Security(current_principal, scopes=["settlements:read"])]
AccountsFile = Annotated[Principal, Security(current_principal, scopes=["accounts:file"])]
SettlementsWrite = Annotated[Principal, Security(current_principal, scopes=["settlements:write"])]
SettlementsNotify = Annotated[Principal, Security(current_principal, scopes=["settlements:notify"])]
SettlementsConfirm = Annotated[Principal, Security(current_principal, scopes=["settlements:confirm"])]
SettlementsCertify = Annotated[Principal, Security(current_principal, scopes=["settlements:certify"])]
SettlementsPay = Annotated[Principal, Security(current_principal, scopes=["settlements:pay"])]
LedgerRead = Annotated[Principal, Security(current_principal, scopes=["ledger:read"])]
LedgerOpen = Annotated[Principal, Security(current_principal, scopes=["ledger:open"])]
RetentionOpinion = Annotated[Principal, Security(current_principal, scopes=[OPINION_SCOPE])]
