"""The lives of an import and of an export."""

from enum import StrEnum

from ownercare_api.core.lifecycle import Lifecycle, Step

IMPORT, EXPORT, APPROVE = "owners:import", "owners:export", "exports:approve"
BY_ITSELF = "system"
"""In place of a scope: the worker takes the step."""


class RosterKind(StrEnum):
    """What a roster lists."""

    UNITS = "units"
    """buildings and homes (房源名册)"""
    OWNERS = "owners"
    """owners with their homes and telephone numbers (业主名册)"""


class ImportMode(StrEnum):
    """What happens to the good rows of a roster that has bad ones."""

    ALL_OR_NOTHING = "all_or_nothing"
    VALID_ROWS_ONLY = "valid_rows_only"


class ImportStatus(StrEnum):
    """Where an import stands."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


class RowOutcome(StrEnum):
    """What became of a row."""

    VALID = "valid"
    """to be taken over"""
    CREATED = "created"
    """a record was made of it"""
    EXTENDED = "extended"
    """the owner was on record and got one more home or share"""
    UNCHANGED = "unchanged"
    """everything in it was on record already"""
    NEEDS_CHANGE_REQUEST = "needs_change_request"
    """it differs from the record, which an import never overwrites (OWN-05)"""
    INVALID = "invalid"
    """it can't be taken over; `faults` says why"""


class ExportKind(StrEnum):
    """What an export lists."""

    OWNERS = "owners"
    UNITS = "units"
    TICKETS = "tickets"


class ExportFormat(StrEnum):
    """What kind of file it is."""

    XLSX = "xlsx"
    CSV = "csv"


class ExportStatus(StrEnum):
    """Where an export stands."""

    WAITING_FOR_APPROVAL = "waiting_for_approval"
    QUEUED = "queued"
    READY = "ready"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


_OPEN = frozenset({ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.CHECKED})

IMPORTS: Lifecycle[ImportStatus] = Lifecycle.of(
    "import",
    ImportStatus.UPLOADED,
    [
        Step("check", frozenset({ImportStatus.UPLOADED}), ImportStatus.CHECKING, BY_ITSELF, rules=("OWN-04",)),
        Step("report", frozenset({ImportStatus.CHECKING}), ImportStatus.CHECKED, BY_ITSELF, rules=("OWN-04",)),
        Step(
            "refusal",
            frozenset({ImportStatus.CHECKING, ImportStatus.APPLYING}),
            ImportStatus.REFUSED,
            BY_ITSELF,
            rules=("OWN-04",),
        ),
        Step("confirmation", frozenset({ImportStatus.CHECKED}), ImportStatus.APPLYING, IMPORT, rules=("OWN-04",)),
        Step("cancellation", _OPEN, ImportStatus.CANCELLED, IMPORT),
        Step(
            "completion",
            frozenset({ImportStatus.CHECKING, ImportStatus.APPLYING}),
            ImportStatus.DONE,
            BY_ITSELF,
            rules=("OWN-12",),
        ),
        Step("stop", frozenset({ImportStatus.APPLYING}), ImportStatus.CANCELLED, BY_ITSELF),
        Step(
            "failure",
            frozenset({ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.APPLYING}),
            ImportStatus.FAILED,
            BY_ITSELF,
        ),
    ],
)

EXPORTS: Lifecycle[ExportStatus] = Lifecycle.of(
    "export",
    ExportStatus.QUEUED,
    [
        Step(
            "referral",
            frozenset({ExportStatus.QUEUED}),
            ExportStatus.WAITING_FOR_APPROVAL,
            BY_ITSELF,
            rules=("OWN-07",),
        ),
        Step(
            "decision",
            frozenset({ExportStatus.WAITING_FOR_APPROVAL}),
            ExportStatus.QUEUED,
            APPROVE,
            rules=("OWN-07", "OWN-08"),
        ),
        Step(
            "rejection",
            frozenset({ExportStatus.WAITING_FOR_APPROVAL}),
            ExportStatus.REJECTED,
            BY_ITSELF,
            rules=("OWN-07", "OWN-08"),
        ),
        Step(
            "cancellation",
            frozenset({ExportStatus.WAITING_FOR_APPROVAL, ExportStatus.QUEUED}),
            ExportStatus.CANCELLED,
            EXPORT,
        ),
        Step("completion", frozenset({ExportStatus.QUEUED}), ExportStatus.READY, BY_ITSELF, rules=("OWN-07",)),
        Step("failure", frozenset({ExportStatus.QUEUED}), ExportStatus.FAILED, BY_ITSELF),
        Step("expiry", frozenset({ExportStatus.READY}), ExportStatus.EXPIRED, BY_ITSELF, rules=("OWN-07",)),
    ],
)
