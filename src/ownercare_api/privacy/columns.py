"""Every encrypted column of the installation, for the rotation of keys and for looking into everything.

A test compares it with the tables: a binary column is listed here or excused with the reason.
"""

from ownercare_api.core.field_keys import EncryptedColumn

OWNER_PHONE = "owner_phone.number"

ENCRYPTED = (
    EncryptedColumn("owner", "document_encrypted", "owner.document", index="document_index"),
    EncryptedColumn("owner", "home_address_encrypted", "owner.home_address"),
    EncryptedColumn("owner_phone", "number_encrypted", OWNER_PHONE, index="number_index"),
    EncryptedColumn(
        "ticket", "caller_phone_encrypted", "ticket.caller_phone", index="caller_phone_index", index_aad=OWNER_PHONE
    ),
    EncryptedColumn(
        "owner_contact_person",
        "number_encrypted",
        "owner_contact_person.number",
        index="number_index",
        index_aad=OWNER_PHONE,
    ),
    EncryptedColumn("owner_change", "submitted_encrypted", "owner_change.submitted"),
    EncryptedColumn("owner_change", "former_encrypted", "owner_change.former"),
    EncryptedColumn("exchange_file", "key_encrypted", "exchange_file.key"),
    EncryptedColumn("privacy_copy", "content_encrypted", "privacy_copy.content"),
    EncryptedColumn("firm", "contact_phone_encrypted", "firm.contact_phone"),
    EncryptedColumn("firm", "bank_account_encrypted", "firm.bank_account", index="bank_account_index"),
    EncryptedColumn("firm_bank_account_change", "account_encrypted", "firm_bank_account_change.account"),
    EncryptedColumn("firm_bank_account_change", "former_account_encrypted", "firm_bank_account_change.former_account"),
    EncryptedColumn("signing_key", "private_pem", "signing_key.private_pem"),
    EncryptedColumn("idempotent_answer", "answer", "idempotent_answer.answer"),
)

EXCUSED = {
    ("client_secret", "digest"): "a password hash cannot be undone",
    ("auth_session", "refresh_digest"): "the digest of a random token",
    ("one_time_code", "phone_index"): "lives for minutes; it is asked for under every live key",
    ("one_time_code", "digest"): "the digest of a random code, lives for minutes",
    ("throttle", "key"): "a digest; lives for a window",
    ("idempotent_answer", "fingerprint"): "the digest of a request; lives for 48 hours",
    ("audit_link", "digest"): "a link of the hash chain",
    ("audit_checkpoint", "digest"): "a link of the hash chain",
    ("audit_checkpoint", "signature"): "a signature",
    ("audit_verification", "digest"): "a link of the hash chain",
    ("denial", "source"): "the digest of an address",
    ("field_key", "wrapped"): "wrapped under the master key itself",
}
"""Binary columns that hold no ciphertext of a field key, by table and column, and why."""
