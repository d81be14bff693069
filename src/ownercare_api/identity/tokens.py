"""Access tokens: ES256 JWTs after the RFC 9068 profile, made and read with python-jose, in this module only.

Reading is strict (RFC 8725): one algorithm, one type, exactly the headers and claims that we write, in the one spelling
that we write them in. Whatever else comes is not ours.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws, jwt
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError
from jose.utils import base64url_decode, base64url_encode

from ownercare_api.core.errors import Unauthenticated

ALGORITHM = "ES256"
TYPE = "at+jwt"
FIRST_PARTY = "ownercare"
"""`client_id` of the tokens of people, who log in through our own front ends."""
MAX_LENGTH = 8192
"""Longer tokens are not looked at; ours have one to three thousand characters."""
_CLOCK_SKEW = 60
"""Seconds by which the clocks of our hosts may differ."""
_HEADER = frozenset({"alg", "typ", "kid"})
_CLAIMS = frozenset({"iss", "aud", "sub", "client_id", "sid", "kind", "gen", "iat", "exp", "jti", "scope"})
_TEXTS = ("iss", "aud", "sub", "client_id", "sid", "kind", "jti", "scope")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")

if jwk.get_key(ALGORITHM) is not CryptographyECKey:  # the pure Python backend is neither fast nor constant-time
    raise RuntimeError("python-jose must run on its cryptography backend")


class InvalidToken(Unauthenticated):
    """401: the token is not ours, is malformed, expired or revoked."""

    code = "invalid_token"
    zh = "访问令牌无效、已过期或已撤销,请重新登录。"
    en = "The access token is invalid, expired or revoked; log in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    kind: str
    subject: UUID
    session_id: UUID
    """The login session of a person; the client's id for a machine."""
    scopes: frozenset[str]
    expires_at: float
    generation: int
    """Machine clients: the count of disablings and secret changes the token was made under."""
    kid: str
    """The key it was verified with: when that goes, what was remembered of the token goes too."""


@dataclass(frozen=True, slots=True)
class SigningKeyPair:
    """A key pair, parsed once."""

    kid: str
    private: Any
    public: Any
    public_jwk: Mapping[str, Any]


def generate_pem() -> tuple[bytes, str]:
    """Return a new P-256 key pair as (private PEM, public PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public.decode()


def parse_pair(*, kid: str, private_pem: bytes, public_pem: str) -> SigningKeyPair:
    """Parse a key pair for use; parsing costs far more than signing."""
    public = jwk.construct(public_pem, ALGORITHM)
    shown = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in public.to_dict().items()
    } | {"kid": kid, "use": "sig", "alg": ALGORITHM}
    return SigningKeyPair(
        kid=kid, private=jwk.construct(private_pem.decode(), ALGORITHM), public=public, public_jwk=shown
    )


@dataclass(frozen=True, slots=True)
class TokenMint:
    """Signs and verifies for one issuer and audience."""

    issuer: str
    audience: str
    lifetime: timedelta

    def sign(
        self,
        *,
        key: SigningKeyPair,
        kind: str,
        subject: UUID,
        session_id: UUID,
        scopes: frozenset[str],
        now: datetime,
        generation: int = 0,
    ) -> tuple[str, int]:
        """Return (token, seconds until it expires)."""
        seconds = int(self.lifetime.total_seconds())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(subject),
            "client_id": str(subject) if kind == "client" else FIRST_PARTY,
            "sid": str(session_id),
            "kind": kind,
            "gen": generation,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + seconds,
            "jti": secrets.token_urlsafe(12),
            "scope": " ".join(sorted(scopes)),
        }
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE})
        return str(token), seconds

    def verify(self, token: str, *, keys: Mapping[str, SigningKeyPair], now: datetime) -> Claims:
        """Return what the token says; raises `InvalidToken`. A key id that is not in `keys` is refused."""
        key = keys.get(key_id(token))
        if key is None:
            raise InvalidToken
        try:
            body = _plain_object(jws.verify(token, key.public, [ALGORITHM]))
            self._check(body, now=now.timestamp())
            return Claims(
                kind=body["kind"],
                subject=_uuid(body["sub"]),
                session_id=_uuid(body["sid"]),
                scopes=frozenset(body["scope"].split()),
                expires_at=float(body["exp"]),
                generation=body["gen"],
                kid=key.kid,
            )
        except (JOSEError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise InvalidToken from None

    def _check(self, body: Mapping[str, Any], *, now: float) -> None:
        """Raise unless the claims are such as we sign, for us, and good now."""
        if body.keys() != _CLAIMS or not all(type(body[name]) is str for name in _TEXTS):
            raise InvalidToken
        if not all(type(body[name]) is int for name in ("iat", "exp", "gen")):
            raise InvalidToken
        if (body["iss"], body["aud"]) != (self.issuer, self.audience):
            raise InvalidToken
        if not now < body["exp"] <= body["iat"] + self.lifetime.total_seconds() or body["iat"] > now + _CLOCK_SKEW:
            raise InvalidToken


def key_id(token: str) -> str:
    """Return the id of the key that a token says it is signed with; raises `InvalidToken` for what is no token of ours.

    The id is good for a look-up among the keys that we know and for nothing else: it may be anything.
    """
    segments = token.split(".") if len(token) <= MAX_LENGTH else []
    if len(segments) != 3 or not all(map(_canonical, segments)):
        raise InvalidToken
    try:
        header = _plain_object(base64url_decode(segments[0].encode()))
    except (ValueError, RecursionError):
        raise InvalidToken from None
    kid = header.get("kid")
    if header.keys() != _HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE or type(kid) is not str:
        raise InvalidToken
    return kid


def _canonical(segment: str) -> bool:
    """Say whether a segment is base64url as an encoder writes it: a lenient decoder would take others for the same."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        return False
    encoded = segment.encode()
    return bool(base64url_encode(base64url_decode(encoded)) == encoded)


def _plain_object(raw: bytes) -> dict[str, Any]:
    """Parse an object without duplicate names, fractions, NaN and Infinity; raises `ValueError`."""
    found = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_refuse)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate name")
    return found


def _refuse(_: str) -> float:
    raise ValueError("not a whole number")


def _uuid(text: str) -> UUID:
    found = UUID(text)
    if str(found) != text:
        raise ValueError("not in the form we write")
    return found
