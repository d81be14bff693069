"""The keyring: several keys at once, old values readable, both indexes searched for."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from sqlalchemy import LargeBinary
from tests.conftest import MASTER

from ownercare_api.core.crypto import Keyring, KeyState, StoredKey, UnknownKey, derive
from ownercare_api.privacy.columns import ENCRYPTED, EXCUSED
from ownercare_api.tables import metadata

COLUMN = "owner_phone.number"


def ring(*states: KeyState) -> Keyring:
    """Return a ring whose keys 1, 2, … stand as given."""
    made = Keyring.from_master(MASTER)
    made.adopt(StoredKey(place, state, WRAPPED[place]) for place, state in enumerate(states, start=1))
    return made


WRAPPED: dict[int, bytes | None] = {1: None} | {one: Keyring.from_master(MASTER).wrap_new(one) for one in (2, 3)}


@pytest.mark.rule("OWN-15")
def test_what_the_first_version_wrote_stays_readable_and_findable() -> None:
    nonce = bytes(12)
    old = b"\x01" + nonce + AESGCMSIV(derive(MASTER, "fields/1")).encrypt(nonce, b"+8613812341234", COLUMN.encode())
    rotated = ring(KeyState.RETIRED, KeyState.ACTIVE)
    assert rotated.decrypt(old, column=COLUMN) == "+8613812341234"
    assert ring(KeyState.ACTIVE).blind_index("x", column=COLUMN) == Keyring.from_master(MASTER).blind_index(
        "x", column=COLUMN
    )


def test_each_phase_of_a_rotation_reads_and_finds_what_any_other_phase_wrote() -> None:
    before = Keyring.from_master(MASTER)
    prepared = ring(KeyState.ACTIVE, KeyState.PREPARED)
    changing = ring(KeyState.DRAINING, KeyState.ACTIVE)
    after = ring(KeyState.RETIRED, KeyState.ACTIVE)
    assert [one.key_id for one in (before, prepared, changing, after)] == [1, 1, 2, 2]
    assert [len(one.blind_indexes("x", column=COLUMN)) for one in (before, prepared, changing, after)] == [1, 2, 2, 1]
    for writer, readers in (
        (before, (prepared, changing, after)),
        (prepared, (before, changing, after)),
        (changing, (prepared, after)),
        (after, (prepared, changing)),
    ):
        stored = writer.encrypt("13812341234", column=COLUMN)
        assert stored[0] == writer.key_id
        for reader in readers:
            assert reader.decrypt(stored, column=COLUMN) == "13812341234"
            if reader is not after or writer is changing:
                index = writer.blind_index("13812341234", column=COLUMN)
                assert index in reader.blind_indexes("13812341234", column=COLUMN)
    locks = {one.lock_key("x", column=COLUMN) for one in (before, prepared, changing, after)}
    assert len(locks) == 1


def test_a_key_not_learnt_a_wrong_column_and_a_wrong_master_are_refused() -> None:
    stored = ring(KeyState.DRAINING, KeyState.ACTIVE).encrypt("x", column=COLUMN)
    with pytest.raises(UnknownKey):
        Keyring.from_master(MASTER).decrypt(stored, column=COLUMN)
    with pytest.raises(InvalidTag):
        ring(KeyState.DRAINING, KeyState.ACTIVE).decrypt(stored, column="owner.document")
    with pytest.raises(InvalidTag):
        Keyring.from_master(bytes(32)).adopt([StoredKey(2, KeyState.ACTIVE, WRAPPED[2])])
    with pytest.raises(InvalidTag):  # a wrapped key can't take another one's place
        Keyring.from_master(MASTER).adopt([StoredKey(3, KeyState.ACTIVE, WRAPPED[2])])


@pytest.mark.rule("OWN-15")
def test_every_binary_column_is_rotated_or_excused() -> None:
    binary = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    rotated = [(one.table, one.column) for one in ENCRYPTED]
    indexes = [(one.table, one.index) for one in ENCRYPTED if one.index]
    assert len(set(rotated + indexes)) == len(rotated + indexes)
    assert binary == {*rotated, *indexes, *EXCUSED}
    assert not set(EXCUSED) & {*rotated, *indexes}
