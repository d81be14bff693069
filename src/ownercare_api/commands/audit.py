"""`ownercare audit …`: verify the audit trail, print its head and its key, mend it after a restore."""

import asyncio
import sys
from collections.abc import Sequence

from ownercare_api.commands.checks import check_server, settings_of_a_command
from ownercare_api.commands.console import fail, progress, say
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import load_master_key
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.settings import Settings
from ownercare_api.timeline import restoring
from ownercare_api.timeline.chain import Head, PublicKey, SealKey
from ownercare_api.timeline.heads import HeadFile
from ownercare_api.timeline.verifying import Report, verify
from ownercare_api.timeline.verifying_sources import latest_checkpoint

_SAID_EVERY = 200_000


def main(*, action: str, **arguments: object) -> int:
    """Do what is asked; returns the exit code."""
    settings, url = settings_of_a_command()
    if action == "public-key":
        say(str(_key(settings).public))
        return 0
    check_server(url)
    if action == "head":
        return asyncio.run(_head(url))
    if action == "after-restore":
        return asyncio.run(_after_restore(url, settings))
    start, keys, expect = arguments["start"], arguments["keys"], arguments["expect"]
    assert isinstance(start, int)
    assert isinstance(keys, Sequence)
    assert isinstance(expect, Sequence)
    return asyncio.run(_verify(url, settings, start=start, keys=_keys(keys), expect=_heads(expect)))


def _key(settings: Settings) -> SealKey:
    configured = None if settings.master_key is None else settings.master_key.get_secret_value()
    return SealKey(load_master_key(configured=configured, data_dir=settings.data_dir))


def _keys(given: Sequence[str]) -> list[PublicKey]:
    try:
        return [PublicKey.parse(one) for one in given]
    except ValueError:
        fail("公钥无效:须为 32 字节的 base64 文本。", "A public key is 32 bytes as base64.", code=2)


def _heads(given: Sequence[str]) -> list[Head]:
    try:
        return [Head.parse(one) for one in given]
    except ValueError:
        fail("链头无效:须为 <位置>:<64 位十六进制摘要>。", "A head is <position>:<64 hexadecimal digits>.", code=2)


async def _head(url: str) -> int:
    database = PooledDatabase(url, pool_size=1)
    try:
        checkpoint = await latest_checkpoint(database)
    finally:
        await database.dispose()
    if checkpoint.number == 0:
        fail("尚无已封存的记录。", "Nothing is sealed yet.")
    say(str(checkpoint.head))
    return 0


async def _verify(url: str, settings: Settings, *, start: int, keys: list[PublicKey], expect: list[Head]) -> int:
    kept = HeadFile.within(settings.data_dir)
    try:
        known = kept.read()
    except ValueError:
        fail(f"链头文件已损坏:{kept.path}", f"The file of the head is damaged: {kept.path}")
    if known is not None:
        expect = [*expect, known]
    said = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal said
        if done - said >= _SAID_EVERY:
            said = done
            progress(f"{done:,} / {total:,}")

    database = PooledDatabase(url, pool_size=4)
    try:
        report = await verify(
            database,
            keys=keys or [_key(settings).public],
            start=start,
            expect=expect,
            on_progress=on_progress,
        )
    finally:
        await database.dispose()
    return _tell(report, expected=len(expect))


def _tell(report: Report, *, expected: int) -> int:
    say(
        f"已核验 {report.entries:,} 条 / entries verified: {report.seconds:.1f} s, {report.per_second:,.0f}/s,"
        f" 对照链头 heads compared: {expected}"
    )
    if report.fault is not None:
        fail(f"审计记录不完整:{report.fault}", "The audit trail is not intact; the first fault is named above.")
    waiting = sum(report.pending.values())
    say(f"完整 / intact: {report.head}" + (f" (待封存 waiting to be sealed: {waiting:,})" if waiting else ""))
    return 0


async def _after_restore(url: str, settings: Settings) -> int:
    """Let the transaction numbers go on, and put a head aside that the restored chain does not reach."""
    database = PooledDatabase(url, pool_size=2)
    try:
        async with database.session() as session:
            mended = await restoring.mend(session)
            await session.commit()
        say(
            f"事务编号已校正 / transaction numbers mended: +{mended.added:,}"
            if mended.added
            else "事务编号无需校正 / transaction numbers are well"
        )
        checkpoint = await latest_checkpoint(database)
    finally:
        await database.dispose()
    heads = HeadFile.within(settings.data_dir)
    known = heads.read()
    if known is not None and known.position > checkpoint.head.position:
        lost = known.position - checkpoint.head.position
        aside = heads.put_aside(mark=f"before-restore-{system_clock():%Y%m%dT%H%M%S}")
        say(
            f"备份之后的 {lost:,} 条已封存记录不在库中,原链头保存在 / "
            f"{lost:,} sealed entries after the backup are not in the database; their head is kept in {aside}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(**globals()["ARGUMENTS"]))
