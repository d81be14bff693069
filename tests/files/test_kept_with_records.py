"""Attachments that a record names as evidence are kept with it: nobody deletes them, not even who uploaded them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.contract.scratch import database
from tests.contract.test_migrations import fill, with_connection
from tests.factories.contractors import make_firm
from tests.factories.files import make_file
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.records import post, rows

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core import migrations
from ownercare_api.core.http.state import AppState
from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.tables import metadata

IN_ARRAYS = {
    "owner_change.evidence_file_ids", "ownership_transfer.evidence_file_ids",
    "firm_bank_account_change.evidence_file_ids",
}  # fmt: skip
WITHOUT_CASE = {"consent.evidence_file_id", "owner_contact_person.authorisation_file_id"}
"""Named by a foreign key, in records that are no case's."""
OF_CASES = {
    "survey_party.signature_file_id", "completion_signature.signature_file_id", "extension.consent_file_id",
    "work_order_photo.file_id",
}  # fmt: skip
"""Bound to their case by `files.attach`."""
OTHERS = {
    "roster_import.file_id", "roster_import.error_file_id", "roster_export.file_id", "job.result_file_id",
}  # fmt: skip
"""Files of imports and exports, which delete themselves."""


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def clerk(people: Desk, org: Org) -> Actor:
    return await people.staff("customer_service_manager", project_id=org.project.id)


@pytest.fixture
async def owner(session: AsyncSession, state: AppState, org: Org) -> Owner:
    return await make_owner(session, state.keyring, units=[org.units[0]])


async def paper(session: AsyncSession, org: Org, uploader: UUID, now: datetime) -> FileObject:
    return await make_file(
        session, project_id=org.project.id, uploaded_by=uploader, now=now, purpose=FilePurpose.DOCUMENT
    )


async def is_kept(
    client: httpx.AsyncClient, session: AsyncSession, file: FileObject, actor: Actor, *, path: str = "/v1/files"
) -> None:
    """Make sure that the uploader may not delete it, and that nothing changes when he tries."""
    before = await rows(session)
    answer = await client.delete(f"{path}/{file.id}", headers=actor.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "file_attached")
    assert await rows(session) == before
    await session.refresh(file)
    assert file.kept_since == datetime(2026, 11, 20, 4, tzinfo=UTC)


def test_every_column_that_names_a_file_is_thought_of() -> None:
    named = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(("file_id", "file_ids"))
    }
    assert named == IN_ARRAYS | WITHOUT_CASE | OF_CASES | OTHERS


@pytest.mark.rule("OWN-05")
async def test_a_change_request_keeps_its_evidence_whatever_becomes_of_it(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, owner: Owner, clock: FakeClock
) -> None:
    file, loose = [await paper(session, org, clerk.id, clock()) for _ in range(2)]
    read = await client.get(f"/v1/files/{file.id}", headers=clerk.headers)
    assert (read.json()["attached"], read.json()["version"]) == (False, 1)
    body: dict[str, Any] = {"owner_id": str(owner.id), "changes": {"sex": "female"}, "channel": "visit"}
    made = await post(client, "/v1/owner-change-requests", clerk, **body, evidence_file_ids=[str(file.id)])
    await is_kept(client, session, file, clerk)
    read = await client.get(f"/v1/files/{file.id}", headers=clerk.headers)
    assert (read.json()["attached"], read.json()["version"]) == (True, 2)
    clock.forward(hours=1)
    await post(client, f"/v1/owner-change-requests/{made['id']}/withdrawal", clerk, reason="误登")
    await post(client, "/v1/owner-change-requests", clerk, **body, evidence_file_ids=[str(file.id)])
    await is_kept(client, session, file, clerk)  # since it was first named
    assert (await client.delete(f"/v1/files/{loose.id}", headers=clerk.headers)).status_code == 204


@pytest.mark.rule("OWN-05")
async def test_an_owners_own_change_request_keeps_his_upload(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, owner: Owner, clock: FakeClock
) -> None:
    login = await people.owner(owner.id)
    file = await make_file(session, project_id=org.project.id, uploaded_by=login.id, now=clock())
    body = {"changes": {"home_address": "临澜市江晖路 8 号"}, "evidence_file_ids": [str(file.id)]}
    await post(client, "/v1/my/change-requests", login, **body)
    await is_kept(client, session, file, login, path="/v1/my/files")


@pytest.mark.rule("OWN-13")
async def test_a_transfer_keeps_its_evidence(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, owner: Owner, clock: FakeClock
) -> None:
    file = await paper(session, org, clerk.id, clock())
    sold = await session.scalar(sa.select(Ownership.id).where(Ownership.owner_id == owner.id))
    await post(
        client, f"/v1/units/{org.units[0].id}/transfers", clerk, on_date="2026-11-20",
        sellers=[{"ownership_id": str(sold)}], evidence_file_ids=[str(file.id)],
        buyers=[{"new_owner": {"name": "陈晓东", "phones": [{"number": "13756781234"}]}, "share_bp": 10_000}],
    )  # fmt: skip
    await is_kept(client, session, file, clerk)


@pytest.mark.rule("OWN-07")
async def test_a_consent_and_a_contact_keep_their_papers(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, owner: Owner, clock: FakeClock
) -> None:
    form, letter = [await paper(session, org, clerk.id, clock()) for _ in range(2)]
    path = f"/v1/owners/{owner.id}"
    given = {"purpose": "marketing", "channel": "paper_form", "text_version": "2026-01"}
    await post(client, f"{path}/consents", clerk, **given, evidence_file_id=str(form.id))
    await is_kept(client, session, form, clerk)
    contact = {"name": "李建国", "relation": "spouse", "number": "139 8765 4321", "authorisation": "书面授权"}
    await post(client, f"{path}/contacts", clerk, **contact, authorisation_file_id=str(letter.id))
    await is_kept(client, session, letter, clerk)


@pytest.mark.rule("FIN-08")
async def test_a_change_of_a_firms_bank_account_keeps_its_letter(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, clock: FakeClock
) -> None:
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    officer = await people.staff("finance_officer")
    file = await paper(session, org, officer.id, clock())
    body = {
        "bank_name": "临澜银行江晖支行", "bank_account": "6217 0015 4000 1234 5678", "bank_account_holder": firm.name,
        "reason": "原开户行撤销", "evidence_file_ids": [str(file.id)],
    }  # fmt: skip
    await post(client, f"/v1/firms/{firm.id}/bank-account-changes", officer, **body)
    await is_kept(client, session, file, officer)


async def test_what_is_refused_keeps_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, clerk: Actor, owner: Owner, clock: FakeClock
) -> None:
    photo = await make_file(
        session, project_id=org.project.id, uploaded_by=clerk.id, now=clock(), purpose=FilePurpose.PHOTO_BEFORE
    )
    body: dict[str, Any] = {"owner_id": str(owner.id), "changes": {"sex": "female"}, "channel": "visit"}
    answer = await client.post(
        "/v1/owner-change-requests", json=body | {"evidence_file_ids": [str(photo.id)]}, headers=clerk.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "file_not_usable")
    await session.refresh(photo)
    assert photo.kept_since is None
    assert (await client.delete(f"/v1/files/{photo.id}", headers=clerk.headers)).status_code == 204


@pytest.fixture
def grown(long_transactions: str) -> Iterator[str]:
    """Give a database at the newest revision with a row in every table."""
    with database(long_transactions, name="kept") as url:
        migrations.upgrade(url)
        with_connection(url, fill)
        yield url


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_what_was_named_before_is_kept_too(grown: str) -> None:
    every = sorted(IN_ARRAYS | WITHOUT_CASE)
    chosen = ""

    async def name_it(connection: Any) -> None:
        await connection.execute(sa.text("SET session_replication_role = replica"))  # past the append-only triggers
        await connection.execute(sa.text("UPDATE ownership SET transfer_id = (SELECT id FROM ownership_transfer)"))
        for where in every:
            table, _, column = where.partition(".")
            value = "(SELECT id FROM file_object LIMIT 1)" if where == chosen else "NULL"
            if where in IN_ARRAYS:
                value = f"array_remove(ARRAY[{value}::uuid], NULL)"
            hit = await connection.execute(sa.text(f"UPDATE {table} SET {column} = {value}"))
            assert hit.rowcount == 1

    async def kept(connection: Any) -> tuple[int, int]:
        query = "SELECT count(*) FILTER (WHERE kept_since IS NOT NULL), sum(cardinality(kept_about)) FROM file_object"
        return tuple((await connection.execute(sa.text(query))).one())

    for chosen in ["", *every]:
        migrations.downgrade(grown, revision="payments")
        with_connection(grown, name_it)
        migrations.upgrade(grown)
        # Firms' papers are about nobody; each record that `fill` makes has one owner.
        about = 0 if chosen in ("", "firm_bank_account_change.evidence_file_ids") else 1
        assert with_connection(grown, kept) == (1 if chosen else 0, about), chosen
