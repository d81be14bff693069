"""The owner's own steps, and the statuses of a repair in an owner's words."""

from collections.abc import Mapping
from enum import StrEnum

from ownercare_api.tickets.own import OWN_LIFECYCLE as MY_TICKET
from ownercare_api.workorders.lifecycle import WorkOrderStatus
from ownercare_api.workorders.own import OWN_LIFECYCLE as MY_WORK_ORDER

__all__ = ["MY_TICKET", "MY_WORK_ORDER", "RepairStatus", "repair_status", "work_order_statuses"]


class RepairStatus(StrEnum):
    """Where a repair stands for the owner; how its cost is decided is none of his concern."""

    PREPARING = "preparing"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    SIGNED_OFF = "signed_off"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_SHOWN: Mapping[WorkOrderStatus, RepairStatus] = {
    WorkOrderStatus.AWAITING_APPROVAL: RepairStatus.PREPARING,
    WorkOrderStatus.APPROVED: RepairStatus.PREPARING,
    WorkOrderStatus.REJECTED: RepairStatus.CANCELLED,
    WorkOrderStatus.DISPATCHED: RepairStatus.DISPATCHED,
    WorkOrderStatus.IN_PROGRESS: RepairStatus.IN_PROGRESS,
    WorkOrderStatus.COMPLETED: RepairStatus.COMPLETED,
    WorkOrderStatus.SIGNED_OFF: RepairStatus.SIGNED_OFF,
    WorkOrderStatus.CLOSED: RepairStatus.CLOSED,
    WorkOrderStatus.CANCELLED: RepairStatus.CANCELLED,
}


def repair_status(status: WorkOrderStatus) -> RepairStatus:
    """Return a status as the owner sees it."""
    return _SHOWN[status]


def work_order_statuses(status: RepairStatus) -> list[WorkOrderStatus]:
    """Return the statuses that look so to the owner."""
    return [inner for inner, shown in _SHOWN.items() if shown is status]
