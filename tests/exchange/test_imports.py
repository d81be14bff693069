"""Rosters of owners over HTTP: checked row by row, taken over, repeated without duplicates."""

import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.exchange.conftest import Importer
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk
from tests.factories.rosters import owner_row, separated, workbook

from ownercare_api.core.http.state import AppState
from ownercare_api.exchange.keeping import UPLOADS_KEPT
from ownercare_api.exchange.models import ExchangeFile, RosterImport, RosterRow
from ownercare_api.identity.models import RoleGrant
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_looks import OwnerLook
from ownercare_api.timeline.models import Event

Totals = Callable[[], Awaitable[tuple[int, ...]]]
Work = Callable[[], Awaitable[None]]


def faults(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(fault["column"], fault["code"]) for fault in row["faults"]]


@pytest.mark.rule("OWN-01", "OWN-02", "OWN-04", "OWN-13")
async def test_a_roster_becomes_owners_numbers_and_homes(
    importer: Importer, clerk: Actor, session: AsyncSession, state: AppState, totals: Totals, org: Org
) -> None:
    rows = [owner_row(place) for place in range(30)]
    before = await totals()
    found = await importer.done(clerk, workbook(rows))
    assert (found["status"], found["row_count"]) == ("done", 30)
    assert found["counts"] == {
        "valid": 0, "created": 30, "extended": 0, "unchanged": 0, "needs_change_request": 0, "invalid": 0,
    }  # fmt: skip
    assert [new - old for new, old in zip(await totals(), before, strict=True)] == [30, 30, 30, 0, 60]

    first = (await importer.rows(clerk, found["id"], limit=1))[0]
    assert (first["row_number"], first["outcome"], first["faults"]) == (2, "created", [])
    owner = await session.get_one(Owner, first["owner_id"])
    assert (owner.name, owner.document_kind, owner.occupation) == (
        rows[0]["name"],
        "resident_id",
        rows[0]["occupation"],
    )
    assert owner.document_encrypted is not None
    assert state.keyring.decrypt(owner.document_encrypted, column=sealing.DOCUMENT) == rows[0]["document_number"]
    assert owner.birth_date is not None
    assert f"{owner.birth_date:%Y%m%d}" == rows[0]["document_number"][6:14]
    ownership = (await session.scalars(select(Ownership).where(Ownership.owner_id == owner.id))).one()
    assert (ownership.unit_id, ownership.share_bp, ownership.price_fen) == (org.units[0].id, 10_000, 268_000_000)
    assert (ownership.contract_number, ownership.payment_method) == ("HT-2024-00000", "mortgage")
    phone = (await session.scalars(select(OwnerPhone).where(OwnerPhone.owner_id == owner.id))).one()
    assert state.keyring.decrypt(phone.number_encrypted, column=sealing.PHONE) == f"+86{rows[0]['phone']}"
    assert (phone.is_primary, phone.label) == (True, "本人")
    history = select(Event.kind).where(Event.subject_id == owner.id).order_by(Event.seq)
    assert list(await session.scalars(history)) == ["ownership.started", "owner.registered"]
    steps = select(Event.kind).where(Event.subject_kind == "import").order_by(Event.seq)
    assert list(await session.scalars(steps)) == [
        "import.uploaded",
        "import.checked",
        "import.confirmed",
        "import.done",
    ]


@pytest.mark.rule("OWN-12")
async def test_the_same_file_again_changes_nothing_and_says_so(
    importer: Importer, clerk: Actor, totals: Totals
) -> None:
    content = workbook([owner_row(place) for place in range(10)])
    first = await importer.done(clerk, content)
    before = await totals()
    again = await importer.checked(clerk, content)
    assert again["same_file_as"] == first["id"]
    assert (again["status"], again["counts"]["unchanged"], again["counts"]["valid"]) == ("checked", 10, 0)
    refused = await importer.confirm(clerk, again["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_import")
    # And by natural keys: the same people in another spelling of the file.
    other = await importer.checked(clerk, separated([owner_row(place) for place in range(10)], encoding="gb18030"))
    assert (other["same_file_as"], other["counts"]["unchanged"]) == (None, 10)
    assert await totals() == before


@pytest.mark.rule("OWN-04")
async def test_every_fault_is_found_before_anything_is_written(
    importer: Importer, clerk: Actor, totals: Totals, org: Org, session: AsyncSession, state: AppState
) -> None:
    await make_owner(session, state.keyring, name="陈建国", units=[org.units[20]])
    good = [owner_row(place) for place in range(2)]
    bad: list[tuple[dict[str, Any], tuple[str, str]]] = [
        (owner_row(2, document_number="330106198503078529"), ("document_number", "document_check_digit")),
        (owner_row(3, document_number=330106198503078528), ("document_number", "numeric_cell")),
        (owner_row(4, phone=13812341234), ("phone", "numeric_cell")),
        (owner_row(5, phone="12345"), ("phone", "phone_form")),
        (owner_row(6, name=None), ("name", "missing")),
        (owner_row(7, unit_number="9-9999"), ("unit_number", "unit_unknown")),
        (owner_row(8, share="120%"), ("share", "out_of_range")),
        (owner_row(9, share="0.5"), ("share", "share_ambiguous")),
        (owner_row(10, from_date="2025-02-30"), ("from_date", "not_a_date")),
        (owner_row(11, from_date="1025-02-03"), ("from_date", "out_of_range")),
        (owner_row(12, contract_signed_on="2027-01-01"), ("contract_signed_on", "date_in_future")),
        (owner_row(13, name="=cmd|'/c calc'!A1"), ("name", "formula_like")),
        (owner_row(14, preferences="@SUM(A1)"), ("preferences", "formula_like")),
        (owner_row(15, payment_method="以物抵债"), ("payment_method", "not_a_choice")),
        (owner_row(16, price="一百万"), ("price", "not_a_number")),
        (owner_row(17, price="1.005"), ("price", "too_precise")),
        (owner_row(18, sex="男", document_number="330106198503078528"), ("sex", "document_mismatch")),
        (owner_row(19, name="王" * 101), ("name", "too_long")),
        (owner_row(20), ("unit_number", "unit_already_sold")),
        (owner_row(0, name="李四", document_number=good[1]["document_number"]), ("name", "contradicts_row")),
        (owner_row(0, document_number=None, name="李四"), ("unit_number", "unit_already_sold")),
        (owner_row(1), ("unit_number", "repeated_in_file")),
    ]
    before = await totals()
    content = workbook([*good, *(row for row, _ in bad)])
    found = await importer.checked(clerk, content, mode="valid_rows_only")
    assert (found["status"], found["row_count"], found["counts"]["invalid"]) == ("checked", 24, 22)
    rows = await importer.rows(clerk, found["id"], outcome="invalid")
    assert [faults(row)[0] for row in rows] == [fault for _, fault in bad]
    assert [row["row_number"] for row in rows] == list(range(4, 26))
    assert rows[0]["faults"][0]["message"] == "证件号码:校验码不符"
    assert rows[-1]["faults"][0]["message"] == "房号:与第 3 行重复"
    for row, _ in bad:
        assert not any(str(value) in str(rows) for value in (row["document_number"], row["phone"]) if value)
    assert await totals() == before
    done = await importer.confirm(clerk, found["id"])
    assert done.status_code == 201
    await importer.work()
    assert (await importer.look(clerk, found["id"]))["counts"]["created"] == 2


async def test_all_or_nothing_takes_nothing_of_a_roster_with_one_bad_row(
    importer: Importer, clerk: Actor, totals: Totals
) -> None:
    before = await totals()
    rows = [*(owner_row(place) for place in range(20)), owner_row(20, phone="1")]
    found = await importer.checked(clerk, workbook(rows))
    assert (found["status"], found["refusal"]["code"]) == ("refused", "rows_invalid")
    assert found["refusal"]["message"] == "有不能导入的行,整批未导入"
    assert (found["counts"]["valid"], found["counts"]["invalid"], found["allowed_actions"]) == (20, 1, [])
    refused = await importer.confirm(clerk, found["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    assert await totals() == before


async def test_a_dry_run_ends_with_the_check(importer: Importer, clerk: Actor, totals: Totals) -> None:
    before = await totals()
    found = await importer.checked(clerk, workbook([owner_row(0)]), dry_run="true")
    assert (found["status"], found["counts"]["valid"]) == ("done", 1)
    assert (await importer.confirm(clerk, found["id"])).status_code == 409
    assert await totals() == before


@pytest.mark.rule("OWN-05")
async def test_what_differs_from_the_record_is_never_overwritten(
    importer: Importer, clerk: Actor, session: AsyncSession, totals: Totals
) -> None:
    await importer.done(clerk, workbook([owner_row(place) for place in range(6)]))
    before = await totals()
    rows = [
        owner_row(0, occupation="律师"),
        owner_row(1, phone="13700001111"),
        owner_row(2, home_address="别处 1 号"),
        owner_row(3, share="50%"),
        owner_row(4, phone_2="13700002222"),
        owner_row(5),
        owner_row(6),
    ]
    found = await importer.checked(clerk, workbook(rows), mode="valid_rows_only")
    shown = await importer.rows(clerk, found["id"])
    assert [row["outcome"] for row in shown] == [*["needs_change_request"] * 5, "unchanged", "valid"]
    assert [faults(row) for row in shown[:5]] == [
        [("occupation", "differs")], [("phone", "differs")], [("home_address", "differs")], [("share", "differs")],
        [("phone_2", "differs")],
    ]  # fmt: skip
    await importer.confirm(clerk, found["id"])
    await importer.work()
    assert [new - old for new, old in zip(await totals(), before, strict=True)] == [1, 1, 1, 0, 2]
    (first,) = await session.scalars(select(Owner.occupation).where(Owner.id == shown[0]["owner_id"]))
    assert first == owner_row(0)["occupation"]


@pytest.mark.rule("OWN-13")
async def test_several_homes_and_several_owners(
    importer: Importer, clerk: Actor, session: AsyncSession, org: Org
) -> None:
    """One owner in three rows, a home of two owners, and later a third home for an owner on record."""
    first, second = owner_row(0), owner_row(1, share="40%")
    same = {key: first[key] for key in ("name", "document_number", "phone")}
    rows = [
        first,
        owner_row(2, **same, home_address=None, occupation=None),
        second,
        owner_row(1, name="吴敏", document_number=owner_row(40)["document_number"], share=0.6),
        owner_row(1, name="吴丹", document_number=owner_row(41)["document_number"], share="0.01%"),
    ]
    found = await importer.checked(clerk, workbook(rows), mode="valid_rows_only")
    shown = await importer.rows(clerk, found["id"])
    assert [row["outcome"] for row in shown] == ["valid", "valid", "valid", "valid", "invalid"]
    assert faults(shown[4]) == [("unit_number", "unit_already_sold")]
    await importer.confirm(clerk, found["id"])
    await importer.work()
    shown = await importer.rows(clerk, found["id"])
    assert [row["outcome"] for row in shown] == ["created", "created", "created", "created", "invalid"]
    assert shown[0]["owner_id"] == shown[1]["owner_id"]
    shares = select(Ownership.share_bp).where(Ownership.unit_id == org.units[1].id).order_by(Ownership.share_bp)
    assert list(await session.scalars(shares)) == [4000, 6000]

    more = await importer.done(clerk, workbook([owner_row(3, **same, home_address=None, occupation=None)]))
    assert more["counts"]["extended"] == 1
    (row,) = await importer.rows(clerk, more["id"])
    assert (row["outcome"], row["owner_id"]) == ("extended", shown[0]["owner_id"])


@pytest.mark.rule("OWN-07")
async def test_owners_out_of_reach_are_not_compared(
    importer: Importer, clerk: Actor, session: AsyncSession, state: AppState, clock: FakeClock, org: Org
) -> None:
    """A guess at somebody's number must not be answered by what becomes of a row."""
    there = await make_org(session, now=clock(), name="澜岸花园", region=org.region)
    row = owner_row(0)
    owner = await make_owner(
        session, state.keyring, name=row["name"], phone=row["phone"], units=there.units[:1],
        document_number=row["document_number"],
    )  # fmt: skip
    for phone in (row["phone"], "13700009999"):
        found = await importer.checked(clerk, workbook([owner_row(0, phone=phone)]), mode="valid_rows_only")
        (shown,) = await importer.rows(clerk, found["id"])
        assert faults(shown) == [("document_number", "owner_exists_elsewhere")]
        assert shown["owner_id"] is None
    # That somebody is on record is told all the same, so the owner is told who asked.
    looks = (await session.scalars(select(OwnerLook))).all()
    assert [(one.look, one.owner_ids, one.actor_id) for one in looks] == [("import", [owner.id], clerk.id)] * 2


@pytest.mark.rule("OWN-04")
async def test_the_error_workbook(
    importer: Importer, clerk: Actor, people: Desk, client: httpx.AsyncClient, org: Org, clock: FakeClock, work: Work,
    session: AsyncSession,
) -> None:  # fmt: skip
    rows = [owner_row(0), owner_row(1, phone="1", preferences="=1+1"), owner_row(2, document_number="1")]
    found = await importer.checked(clerk, workbook(rows))
    where = found["links"]["error_workbook"]
    answer = await client.get(where, headers=clerk.headers)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith(".xlsx")
    assert answer.headers["cache-control"] == "no-store"
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    bad = book.get_sheet_by_name("错误行").to_python()
    whole = book.get_sheet_by_name("全部").to_python()
    assert bad[0][:4] == ["错误原因", "行号", "楼栋", "房号"]
    assert [row[:3] for row in bad[1:]] == [
        ["联系电话:不是有效的手机号或固定电话;特殊需求与偏好:内容形似公式", 3.0, "1栋"],
        ["证件号码:位数不对", 4.0, "1栋"],
    ]
    assert "=1+1" in bad[1]
    assert [row[1] for row in whole[1:]] == [2.0, 3.0, 4.0]
    assert whole[1][0] == ""

    colleague = await people.staff("records_clerk", project_id=org.project.id)
    refused = await client.get(where, headers=colleague.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_the_importer")
    clock.forward(seconds=UPLOADS_KEPT.total_seconds())
    gone = await client.get(where, headers=clerk.headers)
    assert (gone.status_code, gone.json()["code"]) == (409, "roster_file_gone")
    await work()
    assert set(await session.scalars(select(ExchangeFile.key_encrypted))) == {None}


async def test_no_error_workbook_without_errors(importer: Importer, clerk: Actor, client: httpx.AsyncClient) -> None:
    found = await importer.checked(clerk, workbook([owner_row(0)]))
    assert "error_workbook" not in found["links"]
    answer = await client.get(f"/v1/imports/{found['id']}/error-workbook", headers=clerk.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "error_workbook_not_found")


@pytest.mark.rule("OWN-15")
async def test_nothing_personal_lies_in_clear(
    importer: Importer, clerk: Actor, session: AsyncSession, state: AppState
) -> None:
    row = owner_row(0, phone="1")
    found = await importer.checked(clerk, separated([row, owner_row(1)]), name="名册.csv", mode="valid_rows_only")
    folder = state.settings.data_dir / "exchange"
    for file in folder.iterdir():
        content = file.read_bytes()
        assert row["document_number"].encode() not in content
        assert row["name"].encode() not in content
        assert file.stat().st_mode & 0o077 == 0
    texts = [
        str(one.__dict__)
        for table in (RosterImport, RosterRow)
        for one in await session.scalars(
            select(table).where(table.__table__.c.get("import_id", table.__table__.c.get("id")) == found["id"])
        )
    ]
    events = [str(one) for one in await session.scalars(select(Event.data).where(Event.subject_kind == "import"))]
    for value in (row["document_number"], row["name"], owner_row(1)["phone"], row["home_address"]):
        assert not any(value in text for text in [*texts, *events, str(found)])


async def test_columns_in_any_order_under_other_names(importer: Importer, clerk: Actor) -> None:
    row = owner_row(0)
    text = (
        "备用;姓名 *;身份证号;手 机;房号;楼座;购房日期;星座\n"
        f";{row['name']};{row['document_number']};{row['phone']};{row['unit_number']};1 栋;2025年6月30日;白羊\n"
    )
    found = await importer.checked(clerk, text.encode(), name="名册.csv")
    assert (found["status"], found["counts"]["valid"], found["unknown_columns"]) == ("checked", 1, ["A", "H"])


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("姓名,房号,电话,购房日期\n王,1,1,1\n", "column_missing", "缺少必填列“楼栋”"),
        ("楼栋,楼号,房号,姓名,电话,购房日期\n1,1,1,1,1,1\n", "column_repeated", "列“楼栋”重复"),
        ("楼栋,房号,姓名,电话,购房日期\n,,,,\n", "empty", "没有数据行"),
        ('楼栋,房号,姓名,电话,购房日期\n1,1,1,1,1\n"1,1\n', "csv_broken", "CSV 引号不配对或格式有误"),
    ],
)
async def test_a_roster_that_can_t_be_read_is_refused_with_the_reason(
    importer: Importer, clerk: Actor, content: str, code: str, message: str
) -> None:
    found = await importer.checked(clerk, content.encode(), name="名册.csv")
    assert (found["status"], found["refusal"]) == ("refused", {"code": code, "message": message})
    assert await importer.rows(clerk, found["id"]) == []


async def test_uploads_that_are_refused_leave_nothing(
    importer: Importer, clerk: Actor, people: Desk, session: AsyncSession, org: Org, clock: FakeClock
) -> None:
    good = workbook([owner_row(0)])
    supervisor = await people.staff("customer_relations_supervisor", project_id=org.project.id)
    elsewhere = (await make_org(session, now=clock(), name="澜岸花园", region=org.region)).project.id
    machine = await people.machine("owners:import", "owners:write")
    nobody = await people.staff("receptionist", project_id=org.project.id)
    head = await people.staff("customer_service_manager")
    for actor, content, fields, status, code in (
        (clerk, b"%PDF-1.7", {}, 415, "roster_type_not_allowed"),
        (clerk, b"PK\x03\x04", {}, 422, "roster_refused"),
        (clerk, b"", {}, 422, "file_empty"),
        (clerk, good, {"kind": "pets"}, 422, "validation_failed"),
        (clerk, good, {"color": "red"}, 422, "validation_failed"),
        (clerk, good, {"project_id": str(elsewhere)}, 403, "out_of_reach"),
        (head, good, {"project_id": "0198c5f0-0000-7000-8000-000000000001"}, 422, "project_unknown"),
        (supervisor, good, {"kind": "units"}, 403, "out_of_reach"),
        (machine, good, {}, 403, "persons_only"),
        (nobody, good, {}, 403, "missing_scope"),
    ):
        answer = await importer.send(actor, content, **fields)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    for table in (RosterImport, ExchangeFile):
        assert list(await session.scalars(select(table))) == []


async def test_an_upload_can_be_repeated_with_its_key(importer: Importer, clerk: Actor, session: AsyncSession) -> None:
    content = workbook([owner_row(0)])
    first = await importer.send(clerk, content, key="a")
    again = await importer.send(clerk, content, key="a")
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")
    other = await importer.send(clerk, workbook([owner_row(1)]), key="a")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(list(await session.scalars(select(RosterImport.id)))) == 1


async def test_imports_are_seen_in_reach_only(
    importer: Importer, clerk: Actor, people: Desk, client: httpx.AsyncClient, session: AsyncSession, org: Org,
    clock: FakeClock,
) -> None:  # fmt: skip
    found = await importer.checked(clerk, workbook([owner_row(place) for place in range(5)]))
    there = await make_org(session, now=clock(), name="澜岸花园", region=org.region)
    stranger = await people.staff("records_clerk", project_id=there.project.id)
    here = f"/v1/imports/{found['id']}"
    for method, path in (
        ("GET", here), ("GET", f"{here}/rows"), ("GET", f"{here}/error-workbook"), ("POST", f"{here}/confirmation"),
        ("POST", f"{here}/cancellation"),
    ):  # fmt: skip
        answer = await client.request(method, path, headers=stranger.headers)
        assert answer.status_code == 404, path
    listed = (await client.get("/v1/imports", headers=stranger.headers)).json()
    assert listed["items"] == []
    mine = (
        await client.get("/v1/imports", params={"kind": "owners", "status": "checked"}, headers=clerk.headers)
    ).json()
    assert [one["id"] for one in mine["items"]] == [found["id"]]
    assert (await client.get("/v1/imports", params={"kind": "units"}, headers=clerk.headers)).json()["items"] == []

    page = (await client.get(f"{here}/rows", params={"limit": 3, "include_total": True}, headers=clerk.headers)).json()
    assert (page["total"], [row["row_number"] for row in page["items"]]) == (5, [2, 3, 4])
    cursor = {"limit": 3, "cursor": page["next_cursor"]}
    rest = (await client.get(f"{here}/rows", params=cursor, headers=clerk.headers)).json()
    assert ([row["row_number"] for row in rest["items"]], rest["next_cursor"]) == ([5, 6], None)


async def test_a_waiting_import_is_cancelled_at_once(
    importer: Importer, clerk: Actor, client: httpx.AsyncClient, totals: Totals, work: Work
) -> None:
    before = await totals()
    found = (await importer.send(clerk, workbook([owner_row(0)]))).json()
    assert (found["status"], found["allowed_actions"]) == ("uploaded", ["cancellation"])
    answer = await client.post(f"/v1/imports/{found['id']}/cancellation", headers=clerk.headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "cancelled")
    await work()
    assert (await importer.look(clerk, found["id"]))["status"] == "cancelled"
    job = (await client.get(found["links"]["job"], headers=clerk.headers)).json()
    assert job["status"] == "cancelled"
    checked = await importer.checked(clerk, workbook([owner_row(0)]))
    assert checked["allowed_actions"] == ["confirmation", "cancellation"]
    answer = await client.post(f"/v1/imports/{checked['id']}/cancellation", headers=clerk.headers)
    assert answer.json()["status"] == "cancelled"
    assert (await importer.confirm(clerk, checked["id"])).status_code == 409
    assert await totals() == before


@pytest.mark.rule("ORG-10")
async def test_authority_is_that_of_the_moment(
    importer: Importer, clerk: Actor, session: AsyncSession, totals: Totals
) -> None:
    """Who may no longer import when the work is done, does not import."""
    from_now = await importer.checked(clerk, workbook([owner_row(0)]))
    assert (await importer.confirm(clerk, from_now["id"])).status_code == 201
    before = await totals()
    for grant in await session.scalars(select(RoleGrant).where(RoleGrant.account_id == clerk.id)):
        grant.ends_at = grant.starts_at + timedelta(days=1)
    await session.flush()
    await importer.work()
    found = await session.get_one(RosterImport, from_now["id"], populate_existing=True)
    assert (found.status, found.refusal_code) == ("refused", "authority_lost")
    assert await totals() == before


async def test_an_owner_registered_by_hand_after_the_check(
    importer: Importer, clerk: Actor, session: AsyncSession, state: AppState, totals: Totals, org: Org
) -> None:
    """All-or-nothing then takes nothing; valid-rows-only leaves out what no longer fits."""
    rows = [owner_row(place) for place in range(3)]
    whole = await importer.checked(clerk, workbook(rows))
    pieces = await importer.checked(clerk, workbook(rows), mode="valid_rows_only")
    await make_owner(session, state.keyring, name="抢先人", units=[org.units[1]])
    before = await totals()
    await importer.confirm(clerk, whole["id"])
    await importer.work()
    found = await importer.look(clerk, whole["id"])
    assert (found["status"], found["refusal"]["code"], found["counts"]["valid"]) == ("refused", "register_changed", 3)
    assert await totals() == before
    await importer.confirm(clerk, pieces["id"])
    await importer.work()
    found = await importer.look(clerk, pieces["id"])
    assert (found["status"], found["counts"]["created"], found["counts"]["invalid"]) == ("done", 2, 1)
    (bad,) = await importer.rows(clerk, found["id"], outcome="invalid")
    assert (bad["row_number"], faults(bad)) == (3, [("unit_number", "unit_already_sold")])
