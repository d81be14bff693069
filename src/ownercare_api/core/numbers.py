"""Numbers for people: `TS-20261121-0007`. Unique, gap-tolerant, in order of time, without a lock on the way.

Each kind draws from a PostgreSQL sequence, which never waits; the day's first number stores where the day began.
The work is one SQL function of the migrations, `next_number(kind, day)`, so that statements can call it inline.
"""

from datetime import date

from sqlalchemy import BigInteger, Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base


class NumberDay(Base):
    """Where one kind's sequence stood when the day's first number was drawn."""

    __tablename__ = "number_day"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    base: Mapped[int] = mapped_column(BigInteger)


KINDS = {
    "TS": "ticket (客户诉求工单)",
    "DJ": "register entry (来电来访登记)",
    "KC": "site survey (现场勘察)",
    "PG": "work order (工程派工单)",
    "JS": "final account (维修工程决算书)",
    "JD": "settlement (维修工程结算书)",
    "SP": "approval (审批单)",
    "HF": "callback (回访)",
    "WJ": "survey (满意度调查)",
    "GX": "privacy request (个人信息权利请求)",
    "BG": "change request of an owner's record (业主信息变更)",
    "GH": "transfer of a home (房屋过户)",
}
"""Every kind of number and what it counts."""


async def next_number(session: AsyncSession, *, kind: str, day: date) -> str:
    """Draw the next number of a kind for a business date."""
    number = await session.scalar(select(func.next_number(kind, day)))
    assert isinstance(number, str)
    return number
