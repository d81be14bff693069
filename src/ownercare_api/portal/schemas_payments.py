"""What an owner sees of what he pays under his purchase contracts."""

from datetime import date
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import Outward
from ownercare_api.owners.schemas_payments import InstalmentRead


class MyPaymentRead(Outward):
    """Money that was received from him, or from who bought with him."""

    id: UUID
    amount_fen: int
    received_on: date
    reference: str = Field(description="number of the receipt (凭证号)")


class MyInstalmentRead(InstalmentRead):
    """An instalment with what was received for it; what was reversed is left out."""

    payments: list[MyPaymentRead]


class MyPaymentPlanRead(Outward):
    """What is paid under one of his contracts."""

    id: UUID
    unit_id: UUID
    address: str = Field(examples=["云栖雅苑 3栋 1单元 1203室"])
    contract_number: str | None
    price_fen: int
    instalments: list[MyInstalmentRead]
