"""Personal numbers at rest: encrypted, findable by exact value, shown masked (OWN-07, OWN-15)."""

from dataclasses import dataclass

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.phones import mask_phone
from ownercare_api.owners.documents import mask_document

PHONE = "owner_phone.number"
DOCUMENT = "owner.document"
HOME_ADDRESS = "owner.home_address"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number as it is stored: ciphertext, blind index, masked text."""

    encrypted: bytes
    index: bytes
    masked: str


def seal_phone(keyring: Keyring, number: str) -> Sealed:
    """Seal a telephone number in normal form."""
    return Sealed(keyring.encrypt(number, column=PHONE), keyring.blind_index(number, column=PHONE), mask_phone(number))


def seal_document(keyring: Keyring, number: str) -> Sealed:
    """Seal a document number in normal form."""
    return Sealed(
        keyring.encrypt(number, column=DOCUMENT),
        keyring.blind_index(number, column=DOCUMENT),
        mask_document(number),
    )
