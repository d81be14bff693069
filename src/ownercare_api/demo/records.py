"""What stands around the owners of the demonstration: contacts, households, occupancy, groups, tags, consents, changes,
audits."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.phones import mask_phone, normalise_phone
from ownercare_api.demo.accounts import Actor, Staff
from ownercare_api.demo.bulk import Numbers, Row, Sheet
from ownercare_api.demo.estate import END, FOUNDED, YUNQI, Estate, Home
from ownercare_api.demo.homes import Owners, Resident
from ownercare_api.demo.people import PeopleFactory
from ownercare_api.owners import sealing
from ownercare_api.owners.changes import FORMER, SUBMITTED
from ownercare_api.owners.contacts import NUMBER
from ownercare_api.owners.identities import masked
from ownercare_api.owners.lifecycle import ChangeStatus
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import (
    AuditOutcome,
    ChangeChannel,
    InformationAudit,
    OwnerChange,
    OwnerMerge,
    Verification,
)
from ownercare_api.owners.models_records import (
    Consent,
    ConsentChannel,
    ConsentPurpose,
    ContactRelation,
    Household,
    HouseholdMember,
    OwnerContactPerson,
    OwnerGroup,
    OwnerGroupMember,
    OwnerTag,
    OwnerTagging,
)
from ownercare_api.properties.models_occupancy import OccupiedBy, UnitOccupancy

_TODAY = END.astimezone(SHANGHAI).date()
_FAMILIES, _CONSENTS, _CHANGES, _AUDITS = 60, 60, 24, 60
_GROUPS = (
    ("elderly_care", "老年业主关怀", "节日慰问、上门巡检优先安排", True),
    ("new_owners", "新交付业主", "交付后三个月内主动回访", True),
    ("club_members", "客户会会员", "会员活动与权益通知", False),
    ("key_followup", "重点跟进业主", "曾有重大投诉,由主管专人联系", True),
)
_TAGS = (
    ("has_pets", "家有宠物"), ("has_infant", "家有婴儿"), ("lives_alone", "独居老人"), ("hearing_impaired", "听力不便"),
    ("wechat_preferred", "偏好微信"), ("rented_out", "房屋出租"), ("overseas", "长居外地"), ("volunteer", "社区志愿者"),
)  # fmt: skip
_CHILDREN = ("梓涵", "浩宇", "诗涵", "子墨", "欣妍", "俊熙", "雨桐", "奕辰")
_STREETS = ("江晖路", "滨盛路", "春晓路", "文渊路", "闻涛路")


@dataclass(slots=True)
class _Desk:
    """What every part needs."""

    sheet: Sheet
    numbers: Numbers
    staff: Staff
    keyring: Keyring
    rng: random.Random
    people: PeopleFactory
    owners: dict[Any, Row]
    """The owners' rows by id."""


def build(sheet: Sheet, numbers: Numbers, estate: Estate, owners: Owners, *, staff: Staff, keyring: Keyring) -> None:
    """Add it all for owners of the delivered homes; a few hundred rows, and one of occupancy for each home lived in."""
    rows = {row["id"]: row for row in sheet.rows(Owner)}
    desk = _Desk(sheet, numbers, staff, keyring, random.Random(20260612), PeopleFactory(20260613), rows)
    lived_in = [
        (home, owners.of_home[home.id])
        for homes in estate.homes.values()
        for home in homes
        if home.moved_in_on is not None and home.id in owners.of_home
    ]
    _occupancy(desk, estate)
    here = [(home, residents) for home, residents in lived_in if home.project == YUNQI]
    for home, residents in here[:: max(1, len(here) // _FAMILIES)][:_FAMILIES]:
        _family(desk, home, residents)
    known = list({one.id: one for _, residents in lived_in for one in residents}.values())
    _groups(desk, estate, known)
    _tags(desk, known)
    for one in _every(known, _CONSENTS, since=3):
        _consents(desk, one)
    changes = [_change(desk, one, place=place) for place, one in enumerate(_every(known, _CHANGES, since=5))]
    _twins(desk, known)
    _audits(desk, known, corrected=[row for row in changes if row["channel"] is ChangeChannel.AUDIT])


def _every(known: list[Resident], count: int, *, since: int) -> list[Resident]:
    return known[since :: max(1, len(known) // count)][:count]


def _at(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI).astimezone(UTC)


def _ago(days: int, *, hour: int = 10) -> datetime:
    return _at(_TODAY - timedelta(days=days), hour=hour)


def _occupancy(desk: _Desk, estate: Estate) -> None:
    """Every home that is lived in: by whom (OWN-17)."""
    clerk = desk.staff["records_clerk"]
    kinds = (OccupiedBy.OWNER,) * 7 + (OccupiedBy.FAMILY, OccupiedBy.TENANT, OccupiedBy.TENANT)
    for homes in estate.homes.values():
        for home in homes:
            if home.moved_in_on is None:
                continue
            at = _at(home.moved_in_on, hour=17)
            desk.sheet.add(
                UnitOccupancy,
                at,
                unit_id=home.id,
                moved_in_on=home.moved_in_on,
                occupied_by=kinds[desk.rng.randrange(len(kinds))],
                recorded_by=clerk.id,
                recorded_by_name=clerk.name,
                recorded_at=at,
            )


def _family(desk: _Desk, home: Home, residents: list[Resident]) -> None:
    """A contact for an emergency, and the household with owner, contact and a child."""
    sheet, clerk, head = desk.sheet, desk.staff["records_clerk"], residents[0]
    assert home.moved_in_on is not None
    at = _at(home.moved_in_on, hour=15)
    person = desk.people.person()
    number = normalise_phone(person.mobile)
    relation = (ContactRelation.SPOUSE, ContactRelation.PARENT, ContactRelation.CHILD)[desk.rng.randrange(3)]
    speaks = desk.rng.random() < 0.3
    contact = sheet.add(
        OwnerContactPerson,
        at,
        owner_id=head.id,
        name=person.name,
        relation=relation,
        is_emergency=True,
        number_encrypted=desk.keyring.encrypt(number, column=NUMBER),
        number_index=desk.keyring.blind_index(number, column=sealing.PHONE),
        number_masked=mask_phone(number),
        valid_from=home.moved_in_on,
        may_speak_for_owner=speaks,
        authorisation="业主书面授权,可代为报修、签收" if speaks else None,
        recorded_by=clerk.id,
        recorded_by_name=clerk.name,
    )
    household = sheet.add(Household, at, unit_id=home.id, name=f"{head.name[:1]}家", from_date=home.moved_in_on)
    members: list[dict[str, Any]] = [
        {"owner_id": one.id, "is_head": one is head, "relation": None if one is head else "共有人"} for one in residents
    ]
    members.append(
        {"contact_id": contact["id"], "relation": {"spouse": "配偶", "parent": "父母"}.get(relation, "子女")}
    )
    if desk.rng.random() < 0.5:
        name = head.name[:1] + _CHILDREN[desk.rng.randrange(len(_CHILDREN))]
        members.append({"name": name, "relation": "子女"})
    for member in members:
        fields = {"is_head": False, **member}
        sheet.add(HouseholdMember, at, household_id=household["id"], from_date=home.moved_in_on, **fields)


def _groups(desk: _Desk, estate: Estate, known: list[Resident]) -> None:
    manager, clerk = desk.staff["customer_service_manager"], desk.staff["customer_relations_specialist"]
    elderly = [one for one in known if desk.owners[one.id]["birth_date"].year < 1956]
    wanted: tuple[tuple[list[Resident], str], ...] = (
        (elderly[:20], "年满七十周岁"),
        (_every(known, 15, since=7), "交付验收后自动纳入"),
        (_every(known, 25, since=11), "业主自愿入会"),
        (_every(known, 6, since=13), "重大投诉办结后持续关注"),
    )
    for (code, name, purpose, active), (members, reason) in zip(_GROUPS, wanted, strict=True):
        seen_by = ["customer_service_manager", "customer_relations_supervisor"] if code == "key_followup" else []
        group = desk.sheet.add(
            OwnerGroup, FOUNDED, code=code, name=name, purpose=purpose, project_id=None, seen_by=seen_by, active=True
        )
        for place, one in enumerate(members):
            since = _TODAY - timedelta(days=30 + 7 * place)
            left = None if active or place % 6 else since + timedelta(days=20)
            desk.sheet.add(
                OwnerGroupMember,
                _at(since, hour=11),
                group_id=group["id"],
                owner_id=one.id,
                from_date=since,
                to_date=left,
                reason=reason,
                assigned_by=clerk.id,
                assigned_by_name=clerk.name,
                ended_by=None if left is None else manager.id,
            )


def _tags(desk: _Desk, known: list[Resident]) -> None:
    clerk = desk.staff["customer_relations_specialist"]
    for place, (code, name) in enumerate(_TAGS):
        tag = desk.sheet.add(OwnerTag, FOUNDED, code=code, name=name, active=True)
        for one in _every(known, 14, since=17 + place):
            at = _ago(desk.rng.randrange(20, 400))
            fields = {"tagged_by": clerk.id, "tagged_by_name": clerk.name, "tagged_at": at}
            desk.sheet.add(OwnerTagging, at, owner_id=one.id, tag_id=tag["id"], **fields)


def _consents(desk: _Desk, one: Resident) -> None:
    """Most agree to calls and surveys, few to marketing, and some take it back."""
    clerk, rng = desk.staff["records_clerk"], desk.rng
    signed = _ago(rng.randrange(120, 700))

    def say(purpose: ConsentPurpose, at: datetime, *, given: bool, channel: ConsentChannel, note: str | None) -> None:
        desk.sheet.add(
            Consent,
            at,
            owner_id=one.id,
            purpose=purpose,
            given=given,
            at=at,
            channel=channel,
            text_version="2025-01 个人信息处理同意书" if given else None,
            note=note,
            recorded_by=clerk.id,
            recorded_by_name=clerk.name,
            recorded_at=at,
        )

    for purpose, share in (
        (ConsentPurpose.SERVICE_CALLS, 0.95),
        (ConsentPurpose.SATISFACTION_SURVEYS, 0.85),
        (ConsentPurpose.SHARE_WITH_PROPERTY_COMPANY, 0.8),
        (ConsentPurpose.MARKETING, 0.3),
        (ConsentPurpose.RECORDINGS, 0.5),
    ):
        if rng.random() < share:
            say(purpose, signed, given=True, channel=ConsentChannel.PAPER_FORM, note=None)
            if purpose is ConsentPurpose.MARKETING and rng.random() < 0.4:
                later = signed + timedelta(days=rng.randrange(10, 100))
                say(purpose, later, given=False, channel=ConsentChannel.PHONE, note="业主来电,不再接收推介信息")


_LIVES: tuple[ChangeStatus, ...] = (
    ChangeStatus.APPLIED, ChangeStatus.APPLIED, ChangeStatus.SUBMITTED, ChangeStatus.VERIFIED, ChangeStatus.REJECTED,
    ChangeStatus.WITHDRAWN,
)  # fmt: skip
_CHANNELS = (ChangeChannel.PHONE, ChangeChannel.VISIT, ChangeChannel.WECHAT, ChangeChannel.AUDIT)


def _change(desk: _Desk, one: Resident, *, place: int) -> Row:
    """The owner has moved, or his name was misspelt; entered by one, verified by another, applied (OWN-05)."""
    row, status = desk.owners[one.id], _LIVES[place % len(_LIVES)]
    clerk, checker = desk.staff["records_clerk"], desk.staff["customer_relations_specialist"]
    waits = status in (ChangeStatus.SUBMITTED, ChangeStatus.VERIFIED)
    at = _ago(1 + place % 4 if waits else 20 + 9 * place)
    address = f"临澜市滨江区{_STREETS[place % len(_STREETS)]}{12 + place}号{1 + place % 5}幢{201 + place}室"
    kept = row["home_address_encrypted"]
    former = None if kept is None else desk.keyring.decrypt(kept, column=sealing.HOME_ADDRESS)
    before: dict[str, Any] = {"home_address": former}
    after: dict[str, Any] = {"home_address": address}
    verified = status in (ChangeStatus.VERIFIED, ChangeStatus.APPLIED)
    ended = not waits
    ender: Actor = checker if status is ChangeStatus.REJECTED else clerk
    made = desk.sheet.add(
        OwnerChange,
        at,
        owner_id=one.id,
        status=status,
        fields=["home_address"],
        submitted_encrypted=desk.keyring.encrypt(json.dumps(after, ensure_ascii=False), column=SUBMITTED),
        former_encrypted=desk.keyring.encrypt(json.dumps(before, ensure_ascii=False), column=FORMER),
        submitted_masked=masked(after),
        former_masked=masked(before),
        channel=_CHANNELS[place % len(_CHANNELS)],
        note="业主已搬家,通讯地址变更",
        evidence_file_ids=[],
        entered_by=clerk.id,
        entered_by_kind=clerk.kind.value,
        entered_by_name=clerk.name,
        makers=[clerk.id],
        entered_at=at,
        verified_by=checker.id if verified else None,
        verified_by_name=checker.name if verified else None,
        verified_at=at + timedelta(hours=5) if verified else None,
        verification=Verification.CALLED_BACK if verified else None,
        verification_note="回拨登记号码,本人确认" if verified else None,
        ended_by=ender.id if ended else None,
        ended_by_name=ender.name if ended else None,
        ended_at=at + timedelta(hours=6) if ended else None,
        reason={
            ChangeStatus.REJECTED: "回拨登记号码,业主表示未申请变更",
            ChangeStatus.WITHDRAWN: "业主来电,地址填写有误,稍后重新提交",
        }.get(status),
    )
    desk.numbers.ask("BG", made, at=at)
    if status is ChangeStatus.APPLIED:
        row["home_address_encrypted"] = desk.keyring.encrypt(address, column=sealing.HOME_ADDRESS)
        row["updated_at"], row["version"] = at + timedelta(hours=6), row["version"] + 1
    return made


def _audits(desk: _Desk, known: list[Resident], *, corrected: list[Row]) -> None:
    """Periodic audits (OWN-06): most records were right, some owners could not be reached, some were corrected."""
    clerk = desk.staff["customer_relations_specialist"]
    fields = ["name", "phones", "home_address", "occupation"]

    def add(owner_id: Any, at: datetime, outcome: AuditOutcome, note: str | None, change: Row | None = None) -> None:
        desk.sheet.add(
            InformationAudit,
            at,
            owner_id=owner_id,
            checked_fields=fields,
            method=Verification.CALLED_BACK,
            outcome=outcome,
            change_id=None if change is None else change["id"],
            note=note,
            checked_by=clerk.id,
            checked_by_name=clerk.name,
            checked_at=at,
        )
        if outcome is not AuditOutcome.UNREACHABLE:
            desk.owners[owner_id]["checked_on"] = at.astimezone(SHANGHAI).date()

    for place, one in enumerate(_every(known, _AUDITS, since=2)):
        at = _ago(250 - 4 * place, hour=14)
        if place % 9 == 4:
            add(one.id, at, AuditOutcome.UNREACHABLE, "两次拨打无人接听")
        else:
            add(one.id, at, AuditOutcome.ACCURATE, None)
    for change in corrected:
        add(change["owner_id"], change["entered_at"], AuditOutcome.CORRECTED, "业主称已搬家,已登记变更", change)


_TWINS, _MERGED = 3, 2


def _twins(desk: _Desk, known: list[Resident]) -> None:
    """Some owners were entered twice at the sales office, by name and birth date only; two were merged since."""
    clerk = desk.staff["customer_relations_supervisor"]
    for place, one in enumerate(_every(known, _TWINS + _MERGED, since=23)):
        row, at = desk.owners[one.id], _ago(40 + 11 * place)
        same = {name: row[name] for name in ("name", "name_sort", "sex", "birth_date")}
        merged = place >= _TWINS
        gone = {"merged_into": one.id, "merged_at": at + timedelta(days=2)} if merged else {}
        twin = desk.sheet.add(Owner, at, **same, **gone)
        if merged:
            desk.sheet.add(
                OwnerMerge,
                at + timedelta(days=2),
                survivor_id=one.id,
                merged_id=twin["id"],
                reason="售楼处重复建档,姓名、生日一致,电话核实为同一人",
                moved={"phones": 0, "ownerships": 0},
                merged_by=clerk.id,
                merged_by_name=clerk.name,
                merged_at=at + timedelta(days=2),
            )
