"""The scopes of the privacy room as typed names."""

from typing import Annotated

from fastapi import Security

from ownercare_api.identity.access import current_principal
from ownercare_api.identity.principal import Principal

PrivacyRead = Annotated[Principal, Security(current_principal, scopes=["privacy:read"])]
PrivacyManage = Annotated[Principal, Security(current_principal, scopes=["privacy:manage"])]
PrivacyApprove = Annotated[Principal, Security(current_principal, scopes=["privacy:approve"])]
