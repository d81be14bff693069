"""`ownercare tokens`, as a module of its own: the keys that sign access tokens."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.console import say
from ownercare_api.commands.place import load_keyring
from ownercare_api.core import field_keys
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.core.settings import Settings
from ownercare_api.identity.keys import FRESH_SECONDS, KeyStore
from ownercare_api.identity.models import SigningKey
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline import service as timeline

_SPARE = timedelta(minutes=5)
"""Longer than any server goes on signing with a key that was retired."""


async def rotate(database: PooledDatabase, *, keyring: Keyring, overlap: timedelta, now: datetime) -> str:
    """Rotate the signing key and put it on record; returns the new key's id."""
    async with database.session() as session:
        await field_keys.load(session, keyring=keyring)
        kid = await KeyStore(keyring=keyring).rotate(session, now=now, overlap=overlap)
        await timeline.record(
            session,
            kind="signing_key.rotated",
            subject_kind="signing_key",
            subject_id=uuid7(),
            actor=SYSTEM,
            now=now,
            rules=("ORG-28",),
            data={"kid": kid, "overlap_seconds": int(overlap.total_seconds())},
        )
        await session.commit()
    return kid


async def _run(url: str, *, settings: Settings, keyring: Keyring, action: str, at_once: bool) -> None:
    database, now = PooledDatabase(url, pool_size=1), system_clock()
    try:
        if action == "rotate":
            overlap = timedelta(0) if at_once else timedelta(minutes=settings.access_token_minutes) + _SPARE
            kid = await rotate(database, keyring=keyring, overlap=overlap, now=now)
            say(f"新密钥 {kid} 已启用 / the new key signs from now on")
            if at_once:
                say(
                    f"旧密钥已作废,所有访问令牌在 {FRESH_SECONDS:.0f} 秒内失效,客户端须刷新"
                    " / the old keys are void, and with them every access token; clients refresh"
                )
        async with database.session() as session:
            alive = or_(SigningKey.expires_at.is_(None), SigningKey.expires_at > now)
            for row in await session.scalars(select(SigningKey).where(alive).order_by(SigningKey.created_at)):
                ends = "签发 signs" if row.retired_at is None else f"仅验证至 verifies until {row.expires_at}"
                say(f"{row.kid}  {row.created_at:%Y-%m-%d %H:%M}  {ends}")
    finally:
        await database.dispose()


def main(*, action: str, at_once: bool = False) -> None:
    """Rotate the signing key, or show the keys."""
    settings, url = settings_of_a_command()
    check_server(url)
    check_schema(url)
    keyring = load_keyring(settings)
    asyncio.run(_run(url, settings=settings, keyring=keyring, action=action, at_once=at_once))


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
