"""Password hashes: argon2id through passlib, at ASVS 5 strength, off the event loop, a bounded number at a time."""

import anyio.to_thread
from anyio import CapacityLimiter
from passlib.context import CryptContext

from ownercare_api.core.errors import Unavailable
from ownercare_api.identity.strength import MAX_LENGTH, WeakPassword, check_strength, normalise

__all__ = ["WeakPassword", "check_strength", "hash_password", "hash_password_now", "is_outdated", "verify_password"]

# 46 MiB, one pass: OWASP's and ASVS 5's first argon2id profile. About 40 ms on a small machine.
MEMORY_KIB, PASSES, LANES = 47104, 1, 1
_context = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=MEMORY_KIB,
    argon2__time_cost=PASSES,
    argon2__parallelism=LANES,
)
THREADS = 2
"""Hashes at a time; each takes 46 MiB: a flood of logins must queue, not swell."""
WAITING = 40
"""Hashes that may wait; about a second's work. More are refused at once."""


class LoginsBusy(Unavailable):
    """503: more logins at the same moment than this process can check."""

    code = "logins_busy"
    zh = "当前登录人数过多,请稍后重试。"
    en = "Too many logins at this moment; try again shortly."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class _Threads:
    """The threads that hash, made when the first password comes."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None
        self._waiting = 0

    async def run(self, password: str, stored: str | None) -> str:
        """Hash, or verify against a hash: then the text `yes` or `no`."""
        if self._waiting >= THREADS + WAITING:
            raise LoginsBusy
        if self._limiter is None:
            self._limiter = CapacityLimiter(THREADS)
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(_work, password, stored, limiter=self._limiter)
        finally:
            self._waiting -= 1


_threads = _Threads()


def _work(password: str, stored: str | None) -> str:
    if stored is None:
        return str(_context.hash(password))
    return "yes" if _context.verify(password, stored) else "no"


async def hash_password(password: str) -> str:
    """Return the hash to store; raises `LoginsBusy`."""
    return await _threads.run(normalise(password), None)


def hash_password_now(password: str) -> str:
    """Return the hash to store, blocking; for command lines."""
    return _work(normalise(password), None)


# A real hash, so that an unknown name costs the same time as a wrong password.
ABSENT = "$argon2id$v=19$m=47104,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$tmaFVwKbCbHgPDPDI7IZdNQJ4eydRUrMFxYzBvEpOQU"


async def verify_password(password: str, stored: str | None) -> bool:
    """Say whether the password is right; takes the same time when there is no account. Raises `LoginsBusy`."""
    given = normalise(password)
    if len(given) > MAX_LENGTH:
        return False
    return await _threads.run(given, stored or ABSENT) == "yes" and stored is not None


def is_outdated(stored: str) -> bool:
    """Say whether a hash was made with other parameters than today's; then it is made anew at the next login."""
    return bool(_context.needs_update(stored))
