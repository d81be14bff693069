"""The history of a case."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.contractors import make_firm

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.ids import uuid7
from ownercare_api.core.pagination import cut
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.timeline import service, views


@pytest.mark.rule("CMP-14")
async def test_a_history_is_read_in_order_page_by_page(
    session: AsyncSession, clock: FakeClock, queries: QueryRecorder
) -> None:
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    ticket, other = uuid7(), uuid7()
    for number in range(5):
        for case in (ticket, other):
            await service.record(
                session,
                kind="ticket.chased",
                subject_kind="ticket",
                subject_id=case,
                ticket_id=case,
                firm_id=firm.id if number % 2 else None,
                actor=SYSTEM,
                now=clock(),
                rules=("CMP-14",),
                data={"number": number},
            )
    read: list[int] = []
    after = None
    pages = 0
    while True:
        with queries:
            rows = await service.history(session, ticket_id=ticket, after=after, limit=2)
        assert queries.count == 1
        page = cut(rows, limit=2, key=lambda row: (row.seq,))
        read += [row.data["number"] for row in page.items]
        pages += 1
        if page.next_key is None:
            break
        after = page.next_key[0]
    assert (read, pages) == ([0, 1, 2, 3, 4], 3)
    concerned = await service.history(session, ticket_id=ticket, after=None, limit=10, firms=[firm.id])
    assert [row.data["number"] for row in concerned] == [1, 3]
    shown = views.show(rows[-1], language="zh-CN")
    assert views.EventRead.model_validate(shown).model_dump() == {
        "id": rows[-1].id,
        "kind": "ticket.chased",
        "sentence": "系统 登记了业主催办",
        "subject_kind": "ticket",
        "subject_id": ticket,
        "ticket_id": ticket,
        "project_id": None,
        "actor": {"kind": "system", "id": SYSTEM.id, "name": "系统"},
        "occurred_at": clock(),
        "rules": ["CMP-14"],
        "data": {"number": 4},
    }
