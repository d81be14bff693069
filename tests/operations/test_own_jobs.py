"""Who sees a job that somebody asked for: the person who did, and who reads jobs in its project."""

from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import make_org
from tests.factories.people import Desk

from ownercare_api.core import jobs


async def test_one_s_own_jobs_and_those_in_reach(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock())
    there = await make_org(session, now=clock(), name="澜岸花园", region=org.region)
    asked = await people.staff("call_center_agent", project_id=org.project.id)  # without jobs:read
    here = await people.staff("data_analyst", project_id=org.project.id)
    elsewhere = await people.staff("data_analyst", project_id=there.project.id)
    head = await people.staff("system_administrator")

    async def queue(project_id: UUID | None) -> str:
        found = await jobs.enqueue_for(
            session, kind="exchange.make_export", args={"export_id": "secret"}, run_at=clock(), requester_id=asked.id,
            project_id=project_id, unit="rows",
        )  # fmt: skip
        return str(found)

    placed, placeless = await queue(org.project.id), await queue(None)
    for actor, job_id, status in (
        (asked, placed, 200), (asked, placeless, 200), (here, placed, 200), (here, placeless, 404),
        (elsewhere, placed, 404), (elsewhere, placeless, 404), (head, placed, 200), (head, placeless, 200),
    ):  # fmt: skip
        answer = await client.get(f"/v1/jobs/{job_id}", headers=actor.headers)
        assert answer.status_code == status, (actor.name, job_id)
        assert "secret" not in answer.text
        if status == 404:
            assert answer.json()["code"] == "job_not_found"
    assert (await client.get(f"/v1/jobs/{placed}")).status_code == 401
    found = (await client.get(f"/v1/jobs/{placed}", headers=asked.headers)).json()
    assert found["progress"] == {"done": 0, "expected": None, "unit": "rows", "cancel_requested": False}
    assert (found["status"], found["project_id"], found["result"]) == ("queued", str(org.project.id), None)

    async def listed(actor: object) -> list[str]:
        items = (await client.get("/v1/jobs", headers=actor.headers)).json()["items"]  # type: ignore[attr-defined]
        return [item["id"] for item in items]

    assert await listed(head) == [placeless, placed]
    assert await listed(here) == [placed]
    assert await listed(elsewhere) == []
    assert (await client.get("/v1/jobs", headers=asked.headers)).status_code == 403
