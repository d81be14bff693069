"""Numbers of partner firms at rest: the contact's telephone and the bank account, encrypted and shown masked."""

from typing import Any

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.phones import mask_phone

PHONE = "firm.contact_phone"
BANK_ACCOUNT = "firm.bank_account"
NEW_ACCOUNT, FORMER_ACCOUNT = "firm_bank_account_change.account", "firm_bank_account_change.former_account"


def sealed_phone(keyring: Keyring, number: str) -> dict[str, Any]:
    """Return the columns of a telephone number in normal form."""
    return {
        "contact_phone_encrypted": keyring.encrypt(number, column=PHONE),
        "contact_phone_masked": mask_phone(number),
    }


def sealed_account(keyring: Keyring, number: str | None) -> dict[str, Any]:
    """Return the columns of a bank account, digits only; None: there is none."""
    if number is None:
        return dict.fromkeys(("bank_account_encrypted", "bank_account_index", "bank_account_masked"))
    return {
        "bank_account_encrypted": keyring.encrypt(number, column=BANK_ACCOUNT),
        "bank_account_index": keyring.blind_index(number, column=BANK_ACCOUNT),
        "bank_account_masked": mask_account(number),
    }


def mask_account(number: str) -> str:
    """Return a bank account for display: the last four digits (`**** 5678`)."""
    return f"**** {number[-4:]}"
