"""The copy of a person's data: an archive with everything as JSON and as a page to read, encrypted until it expires."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.privacy.models import PrivacyCopy

KEPT = timedelta(days=7)
COLUMN = "privacy_copy.content"

_SECTIONS: Mapping[str, str] = {
    "records": "业主档案",
    "telephones": "联系电话",
    "contact_persons": "联系人",
    "ownerships": "房屋与购房合同",
    "consents": "同意与撤回记录",
    "household_memberships": "家庭成员关系",
    "groups": "分组",
    "information_audits": "信息审核记录",
    "change_requests": "信息变更申请",
    "deliveries": "房屋交付记录",
    "tickets": "客户诉求工单",
    "register_entries": "来电来访登记",
    "contacts": "沟通记录",
    "site_surveys": "现场勘察",
    "work_orders": "工程派工单",
    "extensions": "延期与同意记录",
    "owner_signatures": "业主签认",
    "callbacks": "电话回访",
    "survey_responses": "满意度调查",
    "attachments": "附件",
    "exports": "包含您信息的导出",
    "logins": "登录记录",
    "contract_payments": "购房付款计划与收款",
    "looks": "谁查看过您的信息",
    "shared_with_firms": "向合作单位提供的信息",
}
_FIELDS: Mapping[str, str] = {
    "name": "姓名", "sex": "性别", "birth_date": "出生日期", "document_kind": "证件类型",
    "document_number": "证件号码", "home_address": "家庭住址", "occupation": "职业", "preferences": "偏好",
    "special_needs": "特殊需求", "number": "号码",
    "label": "备注名", "is_primary": "主要号码", "relation": "关系", "unit_id": "房屋", "share_bp": "份额(万分之一)",
    "from_date": "起始日", "to_date": "终止日", "contract_number": "合同编号", "price_fen": "价款(分)",
    "purpose": "事由",
    "given": "同意", "at": "时间", "title": "标题", "description": "内容", "demand": "诉求", "caller_name": "来电人",
    "caller_phone": "来电号码", "received_at": "受理时间", "status": "状态", "result": "处理结果", "summary": "摘要",
    "content": "内容", "owner_opinion": "业主意见", "satisfied": "是否满意", "opinion": "意见", "comment": "备注",
    "actor_name": "查看人", "department": "部门", "post": "岗位", "look": "查看方式", "field": "明文项目",
    "firm_name": "合作单位", "categories": "信息种类", "ground": "依据", "answers": "答卷", "recorded_at": "记录时间",
}  # fmt: skip


class CopyGone(Conflict):
    """409: there is no copy, or its seven days are over."""

    code = "privacy_copy_gone"
    zh, en = "副本尚未生成或已过 7 天保存期。", "There is no copy yet, or its seven days are over."
    rules = ("OWN-07",)


def seal(*, request_id: UUID, collected: Mapping[str, Any], keyring: Keyring, now: datetime) -> PrivacyCopy:
    """Return the row of a new copy, good for seven days."""
    content = archive(collected, now=now)
    return PrivacyCopy(
        id=uuid7(),
        request_id=request_id,
        content_encrypted=keyring.encrypt(base64.b64encode(content).decode(), column=COLUMN),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
        expires_at=now + KEPT,
    )


async def fetch(session: AsyncSession, *, request_id: UUID, keyring: Keyring, now: datetime) -> bytes:
    """Return a copy's archive and note that it was handed out; raises `CopyGone`."""
    query = select(PrivacyCopy).where(PrivacyCopy.request_id == request_id, PrivacyCopy.expires_at > now)
    kept = await session.scalar(query)
    if kept is None:
        raise CopyGone
    kept.fetched_at = now
    await session.flush()
    return base64.b64decode(keyring.decrypt(bytes(kept.content_encrypted), column=COLUMN))


async def expire(session: AsyncSession, *, now: datetime) -> int:
    """Delete the copies whose time is over; returns how many."""
    gone = await session.execute(delete(PrivacyCopy).where(PrivacyCopy.expires_at <= now).returning(PrivacyCopy.id))
    return len(gone.all())


def archive(collected: Mapping[str, Any], *, now: datetime) -> bytes:
    """Return a ZIP archive with `data.json` for machines and `个人信息副本.html` for people."""
    out = io.BytesIO()
    made = {"made_at": now.isoformat(), **collected}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("data.json", json.dumps(made, ensure_ascii=False, indent=1, default=str))
        packed.writestr("个人信息副本.html", page(collected, now=now))
    return out.getvalue()


def page(collected: Mapping[str, Any], *, now: datetime) -> str:
    """Return the copy as one page without scripts or links."""
    parts = [
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>个人信息副本</title>',
        "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin:.5em 0}",
        "td{border:1px solid #999;padding:.2em .6em;vertical-align:top}td:first-child{background:#eee}</style>",
        f"<h1>个人信息副本</h1><p>生成时间:{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M}</p>",
    ]
    for name, entries in collected.items():
        if not entries:
            continue
        parts.append(f"<h2>{escape(_SECTIONS.get(name, name))}({len(entries)})</h2>")
        parts += [_table(entry) for entry in entries]
    return "\n".join([*parts, "</html>"])


def _table(entry: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(_FIELDS.get(key, key))}</td><td>{escape(_text(value))}</td></tr>"
        for key, value in entry.items()
        if value not in (None, "", [], {})
    )
    return f"<table>{rows}</table>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
