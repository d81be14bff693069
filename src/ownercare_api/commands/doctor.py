"""`ownercare doctor`: what is well and what is not, one line each."""

import asyncio
import os
import stat
import sys
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.commands.checks import check_server, settings_of_a_command
from ownercare_api.commands.console import say
from ownercare_api.commands.place import load_keyring
from ownercare_api.core import grants, migrations
from ownercare_api.core.clock import business_date, system_clock
from ownercare_api.core.database import RUNTIME_ROLE, Database, PooledDatabase
from ownercare_api.core.jobs import Job, JobStatus
from ownercare_api.core.settings import Settings
from ownercare_api.deadlines.models import CalendarYear, Deadline
from ownercare_api.identity import codes
from ownercare_api.owners.models import OwnerPhone
from ownercare_api.policies import service as policies
from ownercare_api.properties.models import Project
from ownercare_api.timeline import audit
from ownercare_api.timeline.verifying_faults import FAULTS

GOOD, BAD, NOTE = "✓", "✗", "·"


def main() -> int:
    """Print the findings; returns 1 where something is wrong, else 0."""
    settings, url = settings_of_a_command()
    check_server(url)
    findings = [*_folder(settings), *asyncio.run(_database(url, settings=settings))]
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


async def sending(session: AsyncSession, *, settings: Settings, now: datetime) -> list[tuple[str, str]]:
    """Owners log in with codes: say so where nothing sends them, or the gateway does not take them."""
    if settings.messages == "https":
        tried_again = or_(Job.last_error.is_not(None), Job.attempts > 1)  # a code that ran out is done with as well
        away = and_(Job.kind == codes.SEND, tried_again, Job.created_at > now - timedelta(hours=1))
        failed = await session.scalar(select(func.count()).select_from(Job).where(away))
        return [(BAD if failed else GOOD, f"一小时内短信网关未接收的验证码 / codes the gateway did not take: {failed}")]
    may_log_in = exists().where(OwnerPhone.may_log_in)
    if not await session.scalar(select(may_log_in)):
        return []
    if settings.messages == "file":
        return [(NOTE, "验证码只写入数据目录的文件,不会发送给业主 / codes go to a file, not to owners")]
    return [(BAD, "业主可以登录,但未配置短信网关,验证码不会发出 / owners may log in, but nothing sends their codes")]


async def _database(url: str, *, settings: Settings) -> list[tuple[str, str]]:
    database = PooledDatabase(url, pool_size=1)
    try:
        have, want = await migrations.applied(database), migrations.head()
        findings = [(GOOD if have == want else BAD, f"数据库结构 / tables: {have or '空 none'}(需要 wanted {want})")]
        if have == want:
            findings += await _contents(database, settings=settings)
            findings += await _audit(url)
        return findings
    finally:
        await database.dispose()


async def _audit(url: str) -> list[tuple[str, str]]:
    """Look at the audit trail as the application does: in its role."""
    now = system_clock()
    database = PooledDatabase(url, pool_size=1, role=RUNTIME_ROLE)
    try:
        async with database.reader() as connection:
            found = await audit.state(connection, now=now)
            guards = await grants.guards(connection)
            working_as = (await connection.execute(select(func.current_user()))).scalar_one()
    finally:
        await database.dispose()
    open_tables = [guard.name for guard in guards if not guard.trigger]
    granted = working_as == RUNTIME_ROLE and all(guard.grants for guard in guards)
    findings = [
        (GOOD if granted else BAD, f"应用以受限角色工作,不能改删审计与台账 / the application works as: {working_as}"),
        (BAD if open_tables else GOOD, f"防改触发器 / append-only triggers off: {', '.join(open_tables) or '无 none'}"),
        (
            BAD if found.late else GOOD,
            f"审计封存延迟 / unsealed: {found.waiting}, {found.lag.total_seconds():.0f} s",
        ),
    ]
    last = found.verification
    if last is None:
        findings.append((NOTE, "审计记录尚未核验 / the audit trail was not verified yet"))
    else:
        words = "完整 intact" if last.fault_code is None else f"{FAULTS[last.fault_code][0]} {last.fault_code}"
        findings.append((BAD if found.broken else GOOD, f"审计核验 / audit trail: {words} ({last.at:%Y-%m-%d %H:%M}Z)"))
        if now - last.at > timedelta(days=2):
            findings.append((BAD, "审计记录已超过两天未核验 / not verified for more than two days"))
    return findings


async def _contents(database: Database, *, settings: Settings) -> list[tuple[str, str]]:
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
        findings += await sending(session, settings=settings, now=now)
        blank: set[str] = set()
        for project_id in await session.scalars(select(Project.id)):
            blank |= set(policies.unconfirmed(await policies.in_force(session, project_id=project_id, at=now)))
        findings += [(NOTE, f"尚无人确认的政策值 / unconfirmed policy value: {key}") for key in sorted(blank)]
    return findings


if __name__ == "__main__":
    sys.exit(main())
