"""`ownercare doctor`: what is well and what is not, one line each."""

import asyncio
import os
import stat
import sys
from datetime import timedelta

from sqlalchemy import func, select

from ownercare_api.commands.checks import check_server, settings_of_a_command
from ownercare_api.commands.console import say
from ownercare_api.commands.place import load_keyring
from ownercare_api.core import migrations
from ownercare_api.core.clock import business_date, system_clock
from ownercare_api.core.database import Database, PooledDatabase
from ownercare_api.core.jobs import Job, JobStatus
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines.models import CalendarYear, Deadline
from ownercare_api.policies import service as policies
from ownercare_api.properties.models import Project

GOOD, BAD, NOTE = "✓", "✗", "·"


def main() -> int:
    """Print the findings; returns 1 where something is wrong, else 0."""
    settings, url = settings_of_a_command()
    check_server(url)
    findings = [*_folder(settings), *asyncio.run(_database(url))]
    for mark, text in findings:
        say(f"{mark} {text}")
    return 1 if any(mark == BAD for mark, _ in findings) else 0


def _folder(settings: Settings) -> list[tuple[str, str]]:
    folder = settings.data_dir
    findings = []
    writable = folder.is_dir() and os.access(folder, os.W_OK)
    findings.append((GOOD if writable else BAD, f"数据目录 / data folder: {folder}"))
    secret = folder / "secrets.json"
    if settings.master_key is None and secret.exists():
        private = stat.S_IMODE(secret.stat().st_mode) == 0o600
        findings.append((GOOD if private else BAD, f"主密钥文件权限 0600 / key file mode: {secret}"))
        findings.append((NOTE, "主密钥由系统生成,请随数据库一同备份 / back up the generated key with the database"))
    load_keyring(settings)
    return findings


async def _database(url: str) -> list[tuple[str, str]]:
    database = PooledDatabase(url, pool_size=1)
    try:
        have, want = await migrations.applied(database), migrations.head()
        findings = [(GOOD if have == want else BAD, f"数据库结构 / tables: {have or '空 none'}(需要 wanted {want})")]
        if have == want:
            findings += await _contents(database)
        return findings
    finally:
        await database.dispose()


async def _contents(database: Database) -> list[tuple[str, str]]:
    now = system_clock()
    findings = []
    async with database.session() as session:
        years = (await session.execute(select(CalendarYear.year, CalendarYear.provisional))).all()
        this_year = business_date(now).year
        known = {year: provisional for year, provisional in years}  # noqa: C416 - rows are not pairs
        official = known.get(this_year) is False
        findings.append(
            (GOOD if official else BAD, f"{this_year} 年工作日历为官方日历 / official calendar of this year")
        )
        if known.get(this_year + 1, True):
            findings.append((NOTE, f"{this_year + 1} 年官方放假通知尚未导入,按暂定日历计算 / next year is provisional"))
        late = await session.scalar(
            select(func.count()).select_from(Deadline).where(Deadline.next_alert_at < now - timedelta(minutes=10))
        )
        findings.append((BAD if late else GOOD, f"滞后超过 10 分钟的提醒 / alerts more than 10 minutes late: {late}"))
        failed = await session.scalar(select(func.count()).select_from(Job).where(Job.status == JobStatus.FAILED))
        findings.append((BAD if failed else GOOD, f"失败的后台任务 / failed jobs: {failed}"))
        blank: set[str] = set()
        for project_id in await session.scalars(select(Project.id)):
            blank |= set(policies.unconfirmed(await policies.in_force(session, project_id=project_id, at=now)))
        findings += [(NOTE, f"尚无人确认的政策值 / unconfirmed policy value: {key}") for key in sorted(blank)]
    return findings


if __name__ == "__main__":
    sys.exit(main())
