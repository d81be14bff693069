"""Fills a scratch database: one project, 1,000 homes, 2,000 owners, 100,000 tickets with their clocks."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import Database
from ownercare_api.core.ids import uuid7
from ownercare_api.deadlines import calendars
from ownercare_api.identity.models import Account, AccountKind, AuthSession, GrantLevel, RoleGrant
from ownercare_api.policies import service as policies

TICKETS = 100_000
_FILL = """
INSERT INTO building (id, project_id, name, floors) VALUES (gen_random_uuid(), :project, '1栋', 33);
INSERT INTO unit (id, project_id, building_id, number, address, floor, house_type, purchase_batch, area_cm2, delivered_on)
SELECT gen_random_uuid(), :project, (SELECT id FROM building LIMIT 1), '1-' || n, '基准花园 1栋 1单元 ' || n || '室', n % 33,
       '三室两厅', '一期', 900000, DATE '2025-01-01' FROM generate_series(1, 1000) n;
INSERT INTO owner (id, name, name_sort) SELECT gen_random_uuid(), '业主' || n, 'yezhu' || n FROM generate_series(1, 2000) n;
INSERT INTO owner_phone (id, owner_id, number_encrypted, number_index, number_masked, is_primary)
SELECT gen_random_uuid(), id, '\\x00', decode(md5(id::text), 'hex'), '138****0000', true FROM owner;
INSERT INTO ticket (id, number, project_id, unit_id, owner_id, domain, category, channel, status, title, description, urgent,
    caller_name, caller_phone_masked, received_at, registered_by, department, handler_id, policy_snapshot_id, created_at)
SELECT CAST(lpad(to_hex(1700000000000 + CAST(n AS bigint) * 600000), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
           || substr(md5(n::text), 4, 15) AS uuid),
       'BM-' || n, :project, u.ids[1 + n % 1000], o.ids[1 + n % 2000], 'owner_home',
       (ARRAY['repair', 'complaint', 'consultation'])[1 + n % 3], 'hotline',
       (ARRAY['registered', 'accepted', 'resolved', 'closed', 'closed', 'closed', 'closed', 'closed'])[1 + n % 8],
       '主卧卫生间渗漏,楼下天花板滴水', '业主来电:昨晚起主卧卫生间地面渗水,楼下天花板开始滴水,要求尽快上门。', n % 50 = 0,
       '业主' || n, '138****0000', now() - n * interval '1 minute', :account, 'customer_service', :account, :snapshot,
       now() - n * interval '1 minute'
  FROM generate_series(1, :tickets) n,
       (SELECT array_agg(id) AS ids FROM unit) u, (SELECT array_agg(id) AS ids FROM owner) o;
INSERT INTO register_entry (id, number, project_id, ticket_id, channel, category, caller_name, summary, received_at, taken_by,
    taken_by_name)
SELECT gen_random_uuid(), 'BD-' || number, project_id, id, channel, category, caller_name, title, received_at, :account, '登记员'
  FROM ticket;
INSERT INTO deadline (id, subject_kind, subject_id, ticket_id, project_id, kind, round, rule, policy_key, policy_value, unit,
    policy_snapshot_id, started_at, original_due_at, due_at, provisional, stopped_at)
SELECT gen_random_uuid(), 'ticket', t.id, t.id, t.project_id, k, 1, 'CMP-02', 'complaint.response_hours', 2,
       'business_hours', t.policy_snapshot_id, t.received_at, t.received_at + interval '2 hours',
       t.received_at + interval '2 hours', false, t.received_at + interval '1 hour'
  FROM ticket t, unnest(ARRAY['response', 'site_survey']) k
"""


async def fill(database: Database) -> tuple[UUID, UUID]:
    """Fill the database; returns (account id, session id) of a caller whose role reaches the whole company."""
    now = system_clock()
    began = now - timedelta(days=400)
    async with database.session() as session:
        await calendars.seed(session, now=now)
        region, group, project = uuid7(), uuid7(), uuid7()
        await session.execute(
            text("INSERT INTO company (id, level, parent_id, code, name) VALUES (:g, 'group', NULL, 'G', '集团')"),
            {"g": group},
        )
        await session.execute(
            text("INSERT INTO company (id, level, parent_id, code, name) VALUES (:r, 'region', :g, 'R', '区域')"),
            {"r": region, "g": group},
        )
        await session.execute(
            text(
                "INSERT INTO project (id, region_id, code, name, city, address, has_sales_office) "
                "VALUES (:p, :r, 'P', '基准花园', '杭州', '杭州市', false)"
            ),
            {"p": project, "r": region},
        )
        place = policies.ProjectPlace(project_id=project, region_id=region)
        await policies.open_project(session, place=place, now=began)
        snapshot = await policies.in_force(session, project_id=project, at=now)
        account, opened = await _caller(session)
        parameters = {"project": project, "account": account, "snapshot": snapshot.id, "tickets": TICKETS}
        for statement in _FILL.split(";\n"):
            used = {name: value for name, value in parameters.items() if f":{name}" in statement}
            await session.execute(text(statement), used)
        await session.commit()
    async with database.reader() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
    return account, opened


async def _caller(session: AsyncSession) -> tuple[UUID, UUID]:
    now = system_clock()
    account = Account(
        id=uuid7(),
        kind=AccountKind.STAFF,
        username="bench",
        name="登记员",
        post="records_clerk",
        department="customer_service",
    )
    session.add(account)
    await session.flush()
    grant = RoleGrant(id=uuid7(), account_id=account.id, role="records_clerk", level=GrantLevel.COMPANY)
    grant.starts_at = now - timedelta(days=1)
    opened = AuthSession(
        id=uuid7(), account_id=account.id, created_at=now, expires_at=now + timedelta(days=1), refresh_digest=b""
    )
    session.add_all([grant, opened])
    await session.flush()
    return account.id, opened.id
