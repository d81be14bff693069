"""The scopes of the privacy room as typed names."""

from typing import Annotated

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal

PrivacyRead = Annotated[Principal, door("privacy:read")]
PrivacyManage = Annotated[Principal, door("privacy:manage", "privacy:read")]
PrivacyApprove = Annotated[Principal, door("privacy:approve", "privacy:read")]
