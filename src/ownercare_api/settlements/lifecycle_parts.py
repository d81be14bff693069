"""Who had a part in a settlement, and that the maker is never the checker (reading 10)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from uuid import UUID

from ownercare_api.core.errors import Forbidden
from ownercare_api.identity.principal import Principal, PrincipalKind


class Part(StrEnum):
    """What a person did on the way from the survey to the payment (reading 10)."""

    ESTIMATED = "estimated"
    """Arranged or recorded the survey, raised or edited the work order: the order's makers."""
    COMPLETED = "completed"
    PREPARED = "prepared"
    AUDITED = "audited"
    WRITTEN = "written"
    NOTIFIED = "notified"
    CORRECTED = "corrected"
    DETERMINED = "determined"
    CERTIFIED = "certified"
    PAID = "paid"
    REVERSED = "reversed"


MAKERS = frozenset({Part.ESTIMATED, Part.COMPLETED, Part.PREPARED})
"""Those who estimated or prepared the amount: they don't audit it."""
BEFORE_CERTIFICATION = MAKERS | {Part.AUDITED, Part.WRITTEN, Part.NOTIFIED, Part.CORRECTED}
"""Those who don't certify. The deputy chief engineer may certify the amount that this very post determined (FIN-08)."""
BEFORE_PAYMENT = BEFORE_CERTIFICATION | {Part.DETERMINED, Part.CERTIFIED}
"""Those who neither pay nor reverse a payment."""

FOR_FIRMS = frozenset({"settlements:read", "settlements:confirm", "accounts:file"})
"""What a partner firm's people and machines may do in what concerns the firm; every other step is the staff's, also
where such a scope was granted for a firm: a contractor is not deemed silent by its own machine."""

Hands = Mapping[UUID, Collection[Part]]
"""Who did what, by account id of the person."""


class OwnWork(Forbidden):
    """403: one person may not check what the same person made, in whatever role (reading 10)."""

    code = "own_work"
    zh = "经办人与审核人不得为同一人:您已参与此事项的前序环节,不能执行此操作。"
    en = "The maker is never the checker: you had a hand in an earlier step of this."
    rules = ("ORG-10", "FIN-05", "FIN-08", "FIN-09")


class PersonRequired(Forbidden):
    """403: a machine can't check; the maker-checker rule compares people."""

    code = "person_required"
    zh = "此步骤须由公司员工本人办理,接入系统不得代办。"
    en = "This step is taken by an employee in person, not by a machine."
    rules = ("ORG-10",)


def in_person(_: object, actor: Principal) -> None:
    """Raise `PersonRequired` for a machine: behind it could stand the maker."""
    if actor.kind is PrincipalKind.CLIENT:
        raise PersonRequired


def had_a_hand(hands: Hands, persons: Collection[UUID], parts: Collection[Part]) -> bool:
    """Say whether one of the persons who act had one of these parts."""
    return any(part in parts for person in persons for part in hands.get(person, ()))
