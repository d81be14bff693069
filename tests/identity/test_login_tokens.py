"""Access tokens: whatever is not exactly what we sign is refused (RFC 8725, RFC 9068)."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jws
from jose.utils import base64url_encode
from tests.conftest import FRIDAY_NOON

from ownercare_api.identity.tokens import Claims, InvalidToken, SigningKeyPair, TokenMint, generate_pem, parse_pair

NOW = FRIDAY_NOON
SECONDS = int(NOW.timestamp())
MINT = TokenMint(issuer="https://ownercare.example", audience="ownercare-api", lifetime=timedelta(minutes=15))
SUBJECT, SESSION = UUID(int=7), UUID(int=8)
SCOPES = frozenset({"tickets:read", "owners:read"})


def make_key(kid: str) -> SigningKeyPair:
    private, public = generate_pem()
    return parse_pair(kid=kid, private_pem=private, public_pem=public)


KEY, OTHER = make_key("key-1"), make_key("key-2")
KEYS = {KEY.kid: KEY, OTHER.kid: OTHER}
TOKEN, _ = MINT.sign(key=KEY, kind="staff", subject=SUBJECT, session_id=SESSION, scopes=SCOPES, now=NOW)


def part(token: str, number: int) -> dict[str, Any]:
    segment = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return found


HEADER, BODY = part(TOKEN, 0), part(TOKEN, 1)


def signed(header: bytes | Mapping[str, Any], body: bytes | Mapping[str, Any], key: SigningKeyPair = KEY) -> str:
    """Sign anything with a real key."""
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in (header, body)]
    text = b".".join(base64url_encode(one) for one in raw)
    signature: bytes = base64url_encode(key.private.sign(text))
    return (text + b"." + signature).decode()


def verify(token: str) -> Claims:
    return MINT.verify(token, keys=KEYS, now=NOW)


def is_refused(token: str) -> bool:
    try:
        verify(token)
    except InvalidToken:
        return True
    return False


def test_a_token_of_ours_is_read_as_it_was_written() -> None:
    found = verify(TOKEN)
    assert found == Claims(
        kind="staff",
        subject=SUBJECT,
        session_id=SESSION,
        scopes=SCOPES,
        expires_at=SECONDS + 900,
        generation=0,
        kid="key-1",
    )
    assert HEADER == {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}
    assert set(BODY) == {"iss", "aud", "sub", "client_id", "sid", "kind", "gen", "iat", "exp", "jti", "scope"}
    assert (BODY["client_id"], BODY["iss"], BODY["aud"]) == ("ownercare", MINT.issuer, MINT.audience)
    assert not is_refused(signed(HEADER, BODY))


def test_a_machine_s_token_names_the_machine() -> None:
    token, seconds = MINT.sign(
        key=KEY, kind="client", subject=SUBJECT, session_id=SUBJECT, scopes=SCOPES, now=NOW, generation=3
    )
    assert (part(token, 1)["client_id"], seconds, verify(token).generation) == (str(SUBJECT), 900, 3)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": "es256"},
        {"alg": ["ES256"]},
        {"alg": None},
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": "application/at+jwt"},
        {"typ": "dpop+jwt"},
        {"kid": "key-2"},
        {"kid": "../../etc/passwd"},
        {"kid": "key-1' OR '1'='1"},
        {"kid": ["key-1"]},
        {"kid": {"key-1": 1}},
        {"kid": None},
        {"kid": ""},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"jku": "https://attacker.example/jwks.json"},
        {"x5u": "https://attacker.example/key.pem"},
        {"jwk": dict(OTHER.public_jwk)},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
)
def test_another_header_is_refused_even_if_the_signature_is_right(header: dict[str, Any]) -> None:
    assert is_refused(signed(HEADER | header, BODY))
    assert is_refused(signed({**header, **{name: HEADER[name] for name in HEADER if name not in header}}, BODY))


@pytest.mark.parametrize("name", ["alg", "typ", "kid"])
def test_every_header_is_needed(name: str) -> None:
    assert is_refused(signed({one: value for one, value in HEADER.items() if one != name}, BODY))


def test_no_secret_can_be_made_of_a_public_key() -> None:
    """Alg confusion: the public key, known to everybody, used as an HMAC secret."""
    for secret in (KEY.public.to_pem().decode(), json.dumps(dict(KEY.public_jwk)), ""):
        for algorithm in ("HS256", "HS384", "HS512"):
            text = ".".join(base64url_encode(json.dumps(one).encode()).decode() for one in (HEADER, BODY))
            keyed = TOKEN.split(".")[2]
            assert is_refused(f"{text}.{keyed[:-4]}AAAA")
            if secret and "BEGIN" not in secret:
                assert is_refused(
                    jws.sign(BODY, secret, headers={"kid": "key-1", "typ": "at+jwt"}, algorithm=algorithm)
                )
    head, body, _ = TOKEN.split(".")
    assert is_refused(f"{head}.{body}.")
    assert is_refused(f"{base64url_encode(json.dumps(HEADER | {'alg': 'none'}).encode()).decode()}.{body}.")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://attacker.example"},
        {"iss": [MINT.issuer]},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": [MINT.audience]},
        {"aud": [MINT.audience, "another-api"]},
        {"sub": "7"},
        {"sub": str(SUBJECT).upper() + " "},
        {"sub": SUBJECT.hex},
        {"sub": "{" + str(SUBJECT) + "}"},
        {"sub": 7},
        {"sid": ""},
        {"sid": None},
        {"exp": SECONDS},
        {"exp": SECONDS - 1},
        {"exp": SECONDS + 901},
        {"exp": 10**30},
        {"exp": SECONDS + 10.5},
        {"exp": True},
        {"exp": str(SECONDS + 900)},
        {"exp": None},
        {"exp": [SECONDS + 900]},
        {"iat": SECONDS + 3600, "exp": SECONDS + 4000},
        {"iat": SECONDS - 1000},
        {"iat": -(10**30)},
        {"iat": 1.0 * SECONDS},
        {"gen": "0"},
        {"gen": None},
        {"gen": False},
        {"scope": ["tickets:read"]},
        {"scope": None},
        {"kind": 1},
        {"jti": 12},
        {"client_id": None},
        {"nbf": SECONDS + 100},
        {"nbf": SECONDS - 100},
        {"admin": True},
        {"at_hash": "x"},
    ],
)
def test_other_claims_are_refused_even_if_the_signature_is_right(claims: dict[str, Any]) -> None:
    assert is_refused(signed(HEADER, BODY | claims))


@pytest.mark.parametrize("name", sorted(BODY))
def test_every_claim_is_needed(name: str) -> None:
    assert is_refused(signed(HEADER, {one: value for one, value in BODY.items() if one != name}))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000 + b"]" * 100_000,
        json.dumps(BODY).encode().replace(b'"gen": 0', b'"gen": NaN'),
        json.dumps(BODY).encode().replace(f'"exp": {SECONDS + 900}'.encode(), b'"exp": NaN'),
        json.dumps(BODY).encode().replace(f'"exp": {SECONDS + 900}'.encode(), b'"exp": Infinity'),
        json.dumps(BODY).encode().replace(f'"exp": {SECONDS + 900}'.encode(), b'"exp": 1e400'),
        json.dumps(BODY).encode().replace(f'"exp": {SECONDS + 900}'.encode(), b'"exp": ' + b"9" * 5000),
        json.dumps(BODY).encode()[:-1] + b', "scope": "settlements:pay"}',
        json.dumps(BODY).encode()[:-1] + f', "exp": {SECONDS + 900}'.encode() + b"}",
        json.dumps(BODY).encode() + b" {}",
    ],
)
def test_odd_json_is_refused_even_if_the_signature_is_right(body: bytes) -> None:
    assert is_refused(signed(HEADER, body))


def test_a_header_that_names_its_algorithm_twice_is_refused() -> None:
    twice = json.dumps(HEADER).encode()[:-1] + b', "alg": "ES256"}'
    assert is_refused(signed(twice, BODY))


def test_a_key_of_another_installation_is_refused() -> None:
    assert is_refused(signed(HEADER, BODY, make_key("key-1")))
    assert is_refused(signed(HEADER | {"kid": "key-2"}, BODY))
    assert not is_refused(signed(HEADER | {"kid": "key-2"}, BODY, OTHER))


def test_huge_and_odd_texts_are_refused_before_anything_is_computed() -> None:
    head, body, signature = TOKEN.split(".")
    odd = [
        "",
        ".",
        "..",
        "...",
        f"{TOKEN}.",
        f".{TOKEN}",
        f"{TOKEN}.{signature}",
        f"{head}.{body}",
        f"{head}..{signature}",
        f"{TOKEN} ",
        f"{TOKEN}\n",
        f"{TOKEN}=",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}.{signature}!",
        f"{head}.{body}.!{signature}",
        TOKEN.replace("-", "+").replace("_", "/") + "A",
        "ü.ü.ü",
        "\ud800.a.b",
        "A" * 9000,
        f"{head}.{body}.{signature}" + "A" * 9000,
        f"{head}.{base64url_encode(b'[' * 6000).decode()}.{signature}",
    ]
    assert [token[:60] for token in odd if not is_refused(token)] == []


def test_the_last_letter_of_a_signature_has_one_spelling() -> None:
    """Two bits of it are unused: sixteen texts decode to one signature, and only ours is taken."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    taken = [letter for letter in alphabet if not is_refused(TOKEN[:-1] + letter)]
    assert taken == [TOKEN[-1]]


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
@settings(max_examples=400, deadline=None)
def test_one_letter_changed_is_refused(at: int, letter: str) -> None:
    mutated = TOKEN[:at] + letter + TOKEN[at + 1 :]
    assert is_refused(mutated) == (mutated != TOKEN)


@given(
    st.lists(st.tuples(st.sampled_from("idr"), st.integers(0, len(TOKEN)), st.text(max_size=4)), min_size=1, max_size=4)
)
@settings(max_examples=300, deadline=None)
def test_letters_put_in_taken_out_and_moved_are_refused(edits: list[tuple[str, int, str]]) -> None:
    mutated = TOKEN
    for kind, at, text in edits:
        if kind == "i":
            mutated = mutated[:at] + text + mutated[at:]
        elif kind == "d":
            mutated = mutated[:at] + mutated[at + 1 :]
        else:
            mutated = mutated[:at] + mutated[at:][::-1]
    assert is_refused(mutated) == (mutated != TOKEN)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted({*BODY, "nbf", "azp", "cnf"})), _JSON)
@settings(max_examples=400, deadline=None)
def test_no_value_of_any_claim_breaks_the_reader(name: str, value: Any) -> None:
    token = signed(HEADER, BODY | {name: value})
    if is_refused(token):
        return
    found = verify(token)  # only what may differ between tokens of ours
    assert name in {"jti", "scope", "kind", "client_id", "gen", "iat", "exp"}
    assert NOW.timestamp() < found.expires_at <= SECONDS + 960
    assert type(value) in (str, int)


@given(st.sampled_from(["alg", "typ", "kid", "crit", "jku", "jwk", "x"]), _JSON)
@settings(max_examples=300, deadline=None)
def test_no_value_of_any_header_breaks_the_reader(name: str, value: Any) -> None:
    header = HEADER | {name: value}
    assert is_refused(signed(header, BODY)) == (header != HEADER)


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(head: bytes, body: bytes, signature: bytes) -> None:
    assert is_refused(".".join(base64url_encode(one).decode() for one in (head, body, signature)))
