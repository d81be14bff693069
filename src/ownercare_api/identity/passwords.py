"""Password hashes: argon2id through passlib, at ASVS 5 strength, off the event loop."""

from importlib.resources import files

import anyio.to_thread
from anyio import CapacityLimiter
from passlib.context import CryptContext

from ownercare_api.core.errors import FieldError, Invalid

# 46 MiB, one pass: OWASP's and ASVS 5's first argon2id profile. About 40 ms on a small machine.
_context = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=47104,
    argon2__time_cost=1,
    argon2__parallelism=1,
)
_limiter: CapacityLimiter | None = None
MIN_LENGTH = 10
MAX_LENGTH = 128


class WeakPassword(Invalid):
    """422: too short, too long, or among the most common ones."""

    code = "weak_password"
    zh = "密码须为 10 至 128 个字符,且不能是常见密码。"
    en = "A password has 10 to 128 characters and must not be a common one."


_COMMON = frozenset(files(__package__).joinpath("common_passwords.txt").read_text("utf-8").split())


def check_strength(password: str) -> None:
    """Raise `WeakPassword` for a password that must not be set."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH or password.lower() in _COMMON or len(set(password)) < 4:
        fault = FieldError("#/password", WeakPassword.code, WeakPassword.zh, WeakPassword.en)
        raise WeakPassword(errors=(fault,))


def _threads() -> CapacityLimiter:
    global _limiter
    if _limiter is None:
        _limiter = CapacityLimiter(2)  # each hash takes 46 MiB: a flood of logins must queue, not swell
    return _limiter


async def hash_password(password: str) -> str:
    """Return the hash to store."""
    return str(await anyio.to_thread.run_sync(_context.hash, password, limiter=_threads()))


def hash_password_now(password: str) -> str:
    """Return the hash to store, blocking; for command lines."""
    return str(_context.hash(password))


# A real hash, so that an unknown name costs the same time as a wrong password.
_ABSENT = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$tmaFVwKbCbHgPDPDI7IZdNQJ4eydRUrMFxYzBvEpOQU"


async def verify_password(password: str, stored: str | None) -> bool:
    """Say whether the password is right; takes the same time when there is no account."""
    if len(password) > MAX_LENGTH:
        return False
    matches = await anyio.to_thread.run_sync(_context.verify, password, stored or _ABSENT, limiter=_threads())
    return bool(matches) and stored is not None
