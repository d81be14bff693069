"""Use case: one look at a firm's telephone number or bank account in clear, for a purpose, on record."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.contractors import repository, sealing
from ownercare_api.contractors.models import Firm, FirmDisclosure, FirmField
from ownercare_api.contractors.service import FirmNotFound
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, Forbidden
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.timeline import service as timeline

PAY = "settlements:pay"


class ForFinance(Forbidden):
    """403: bank accounts are shown to those who pay settlements."""

    code = "bank_account_for_finance"
    zh, en = "银行账号仅供负责拨付的财务人员查看。", "Bank accounts are shown to those who pay settlements only."


class FirmValueMissing(Conflict):
    """409: there is no such value on record."""

    code = "value_not_recorded"
    zh, en = "该单位没有登记此项信息。", "The firm's record has no such value."


async def disclose(
    session: AsyncSession,
    *,
    firm_id: UUID,
    field: FirmField,
    purpose: str,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> tuple[FirmDisclosure, str]:
    """Show a clear value and record who looked and why.

    Raises `FirmNotFound`, `ForFinance`, `FirmValueMissing`. A firm's own people see their own firm's account.
    """
    if (await session.execute(repository.firms(principal).where(Firm.id == firm_id))).one_or_none() is None:
        raise FirmNotFound
    if field is FirmField.BANK_ACCOUNT and PAY not in principal.scopes and principal.firm_id != firm_id:
        raise ForFinance
    firm = await session.get_one(Firm, firm_id)
    stored, column = (
        (firm.contact_phone_encrypted, sealing.PHONE)
        if field is FirmField.CONTACT_PHONE
        else (firm.bank_account_encrypted, sealing.BANK_ACCOUNT)
    )
    if stored is None:
        raise FirmValueMissing
    record = FirmDisclosure(
        id=uuid7(),
        firm_id=firm_id,
        actor_id=principal.id,
        actor_name=principal.name,
        field=field.value,
        purpose=purpose,
        at=now,
    )
    session.add(record)
    await session.flush()
    await timeline.record(
        session,
        kind="firm.disclosed",
        subject_kind="firm",
        subject_id=firm_id,
        actor=principal,
        now=now,
        firm_id=firm_id,
        rules=("OWN-08",),
        data={"disclosure_id": str(record.id), "field": field.value},
    )
    return record, keyring.decrypt(bytes(stored), column=column)
