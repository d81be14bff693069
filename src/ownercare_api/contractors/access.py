"""The scopes of the contractor room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

ContractorsRead = Annotated[Principal, door("contractors:read")]
ContractorsWrite = Annotated[Principal, door("contractors:write", "contractors:read")]
ContractorsDisclose = Annotated[Principal, door("contractors:disclose", "contractors:read")]
ContractorsLooks = Annotated[Principal, door("contractors:looks", "contractors:read")]
BankAccountsWrite = Annotated[Principal, door("bank_accounts:write", "contractors:read")]
BankAccountsConfirm = Annotated[Principal, door("bank_accounts:confirm", "contractors:read")]
