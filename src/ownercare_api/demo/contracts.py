"""Purchase contracts of the demonstration that are being paid: the homes of the project under construction (OWN-13)."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.demo.accounts import Staff
from ownercare_api.demo.bulk import Row, Sheet
from ownercare_api.demo.estate import CUIHU, END, Estate
from ownercare_api.owners.lifecycle import FilingStatus, PreferredChannel
from ownercare_api.owners.lifecycle_payments import InstalmentKind
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import (
    Instalment,
    InstalmentPayment,
    InstalmentReminder,
    InstalmentReversal,
    PaymentPlan,
    PaymentPlanChange,
)

_PLANS = 90
_TODAY = END.astimezone(SHANGHAI).date()
_WORDS = (
    (PreferredChannel.PHONE, True, "已告知业主逾期金额,承诺三日内付清。"),
    (PreferredChannel.PHONE, False, "无人接听,改发短信。"),
    (PreferredChannel.WECHAT, True, "业主称银行放款材料已补齐,等待放款。"),
    (PreferredChannel.SMS, True, None),
)


def build(sheet: Sheet, estate: Estate, staff: Staff) -> None:
    """Give contracts plans of payments, what was received, some late ones with reminders; most of them are filed."""
    rng = random.Random(20260611)
    here = {home.id for home in estate.homes[CUIHU]}
    contracts: dict[tuple[UUID, str], list[Row]] = defaultdict(list)
    for row in sheet.rows(Ownership):
        if row["unit_id"] in here and row["to_date"] is None:
            contracts[row["unit_id"], row["contract_number"]].append(row)
    for place, rows in enumerate(list(contracts.values())[:: max(1, len(contracts) // _PLANS)][:_PLANS]):
        _file(rows, staff, place=place)
        _plan(sheet, rng, rows, staff, place=place)


def _at(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI).astimezone(UTC)


def _file(rows: list[Row], staff: Staff, *, place: int) -> None:
    """Most contracts are filed; some wait for their review, some were returned."""
    seller, reviewer = staff["sales_consultant"], staff["customer_relations_specialist"]
    status = {0: FilingStatus.SUBMITTED, 1: FilingStatus.RETURNED, 2: FilingStatus.DRAFT}.get(
        place % 15, FilingStatus.FILED
    )
    for row in rows:
        signed = row["contract_signed_on"]
        row |= {"filing_status": status, "edited_by": seller.id, "makers": [seller.id]}
        if status is not FilingStatus.DRAFT:
            row |= {"submitted_by": seller.id, "submitted_at": _at(signed + timedelta(days=1), hour=10)}
        if status in (FilingStatus.FILED, FilingStatus.RETURNED):
            note = "编号、金额与网签一致,已备案" if status is FilingStatus.FILED else "付款方式与首付款凭证不符,请更正"
            row |= {"reviewed_by": reviewer.id, "reviewed_at": _at(signed + timedelta(days=3), hour=15)}
            row["review_note"] = note


def _parts(price_fen: int, method: str, signed: date) -> list[tuple[InstalmentKind, int, date]]:
    """Deposit at once, then by the way of paying; to the fen the price."""
    deposit = price_fen * 5 // 100 // 100_000 * 100_000
    if method == "一次性付款":
        middle = price_fen * 45 // 100 // 100_000 * 100_000
        return [
            (InstalmentKind.DEPOSIT, deposit, signed),
            (InstalmentKind.INSTALMENT, middle, signed + timedelta(days=30)),
            (InstalmentKind.BALANCE, price_fen - deposit - middle, signed + timedelta(days=180)),
        ]
    first = price_fen * 25 // 100 // 100_000 * 100_000
    return [
        (InstalmentKind.DEPOSIT, deposit, signed),
        (InstalmentKind.FIRST_PAYMENT, first, signed + timedelta(days=30)),
        (InstalmentKind.LOAN, price_fen - deposit - first, signed + timedelta(days=150)),
    ]


def _plan(sheet: Sheet, rng: random.Random, rows: list[Row], staff: Staff, *, place: int) -> None:
    row = rows[0]
    signed, price = row["contract_signed_on"], row["price_fen"]
    filed = row["filing_status"] is FilingStatus.FILED
    plan = sheet.add(
        PaymentPlan,
        _at(signed, hour=16),
        unit_id=row["unit_id"],
        price_fen=price,
        fixed_at=row["reviewed_at"] if filed else None,
    )
    for one in rows:
        one["payment_plan_id"] = plan["id"]
    parts = _parts(price, row["payment_method"], signed)
    made = [
        sheet.add(
            Instalment, _at(signed, hour=16), plan_id=plan["id"], place=number, kind=kind, amount_fen=amount, due_on=due
        )
        for number, (kind, amount, due) in enumerate(parts, start=1)
    ]
    if filed and place % 11 == 7 and made[2]["due_on"] < _TODAY:
        _postpone(sheet, plan, made, staff)
    for one in made:
        _receive(sheet, rng, one, staff)


def _postpone(sheet: Sheet, plan: Row, made: list[Row], staff: Staff) -> None:
    """The bank pays later: the plan of a filed contract was changed with a reason."""
    names = ("id", "kind", "amount_fen", "due_on", "received_fen")
    former = [{name: _plain(one[name]) for name in names} for one in made]
    changer, at = staff["sales_consultant"], _at(made[2]["due_on"] - timedelta(days=5), hour=11)
    sheet.add(
        PaymentPlanChange,
        at,
        plan_id=plan["id"],
        reason="银行放款推迟两个月,买卖双方已签补充协议",
        former_price_fen=plan["price_fen"],
        former=former,
        changed_by=changer.id,
        changed_by_name=changer.name,
        changed_at=at,
    )
    made[2]["due_on"] += timedelta(days=60)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID | date) else getattr(value, "value", value)


def _receive(sheet: Sheet, rng: random.Random, one: Row, staff: Staff) -> None:
    """Most pay in time, some in two parts; one in eight of what is due of late waits, and the buyers were reminded."""
    due, chance, split = one["due_on"], rng.random(), rng.random()
    if due > _TODAY:
        return
    late = chance < 0.5 and due > _TODAY - timedelta(days=90)
    whole, half = one["amount_fen"], one["amount_fen"] // 2
    if late:
        amounts = [whole // 3] if split < 0.4 else []
    else:
        amounts = [whole] if split < 0.85 or one["kind"] is InstalmentKind.DEPOSIT else [half, whole - half]
    cashier, other = staff["finance_officer"], staff["finance_officer.2"]
    for number, amount in enumerate(amounts):
        day = due if one["kind"] is InstalmentKind.DEPOSIT else due - timedelta(days=2 - number)
        at, paid = _at(day, hour=16 + number), {"instalment_id": one["id"], "amount_fen": amount, "received_on": day}
        who = {"recorded_by": cashier.id, "recorded_by_name": cashier.name, "recorded_at": at, "makers": [cashier.id]}
        reference = f"{'POS' if number else '转账'}-{due:%Y%m%d}-{rng.randrange(10_000):04d}"
        if rng.random() < 0.03:  # typed under a wrong reference, taken back and recorded again
            wrong = sheet.add(InstalmentPayment, at, **paid, **who, reference=f"{reference}X")
            sheet.add(
                InstalmentReversal,
                at + timedelta(hours=1),
                payment_id=wrong["id"],
                reason="凭证号录入错误,更正后重新登记",
                reversed_by=other.id,
                reversed_by_name=other.name,
                reversed_at=at + timedelta(hours=1),
            )
        sheet.add(InstalmentPayment, at, **paid, **who, reference=reference)
        one["received_fen"] += amount
    if late:
        _remind(sheet, rng, one, staff)


def _remind(sheet: Sheet, rng: random.Random, one: Row, staff: Staff) -> None:
    clerk = staff["sales_consultant"]
    for days in (3, 10, 20)[: rng.randrange(1, 4)]:
        day = one["due_on"] + timedelta(days=days)
        if day > _TODAY:
            break
        channel, reached, note = _WORDS[rng.randrange(len(_WORDS))]
        sheet.add(
            InstalmentReminder,
            _at(day, hour=10),
            instalment_id=one["id"],
            channel=channel,
            reached=reached,
            note=note,
            reminded_by=clerk.id,
            reminded_by_name=clerk.name,
            reminded_at=_at(day, hour=10),
        )
