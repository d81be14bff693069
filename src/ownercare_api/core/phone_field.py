"""A telephone number as a field of a body: taken as people write it, kept in normal form."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from ownercare_api.core.phones import InvalidPhone, normalise_phone
from ownercare_api.core.wire import Fault


def _normal(text: str) -> str:
    try:
        return normalise_phone(text)
    except InvalidPhone as refusal:
        raise Fault(refusal.code, zh=refusal.detail("zh-CN"), en=refusal.detail("en")) from None


PhoneNumber = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_normal)]
"""Mainland mobile or landline with area code, Hong Kong or Macao mobile; faults have the code `invalid_phone`."""
