"""Access tokens: ES256 JWTs after the RFC 9068 profile, made and read with python-jose, in this module only."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError
from jose.utils import base64url_decode

from ownercare_api.core.errors import Unauthenticated

ALGORITHM = "ES256"
TYPE = "at+jwt"
_REQUIRED = ("iss", "aud", "sub", "exp", "iat", "jti", "scope", "sid")

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
        if len(token) > 8192 or token.count(".") != 2:
            raise InvalidToken
        try:
            header = json.loads(base64url_decode(token.split(".", 1)[0].encode("ascii")))
            if not isinstance(header, dict) or "crit" in header:
                raise InvalidToken
            if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
                raise InvalidToken
            key = keys.get(str(header.get("kid")))
            if key is None:
                raise InvalidToken
            body = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            if any(name not in body for name in _REQUIRED):
                raise InvalidToken
            expires_at = float(body["exp"])
            if expires_at <= now.timestamp():
                raise InvalidToken
            return Claims(
                kind=str(body["kind"]),
                subject=UUID(body["sub"]),
                session_id=UUID(body["sid"]),
                scopes=frozenset(str(body["scope"]).split()),
                expires_at=expires_at,
                generation=int(body["gen"]),
            )
        except (JOSEError, ValueError, TypeError, KeyError, AttributeError):
            raise InvalidToken from None
