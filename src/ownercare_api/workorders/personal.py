"""The room's part of copies and erasure of personal data: surveys, work orders, consents, signatures, callbacks.

What the money rests on stays: descriptions of the work and of the estimate, amounts, classes, dates. They are swept of
names and numbers, not blanked.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import ERASED_NAME, Person, plain, sweep, wipe
from ownercare_api.workorders.lifecycle import SignatureSeat
from ownercare_api.workorders.models import (
    CallbackAttempt,
    CompletionSignature,
    EstimateLine,
    Extension,
    SiteSurvey,
    SurveyParty,
    WorkOrder,
    WorkOrderPhoto,
)

_SURVEY, _PARTY, _LINE = SiteSurvey.__table__, SurveyParty.__table__, EstimateLine.__table__
_ORDER, _PHOTO, _EXTENSION = WorkOrder.__table__, WorkOrderPhoto.__table__, Extension.__table__
_SIGNATURE, _CALLBACK = CompletionSignature.__table__, CallbackAttempt.__table__


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Erase the owner's answers, opinions, signature and pictures from the person's own cases."""
    count: dict[str, int] = {}
    own = list(person.ticket_ids)
    surveys = select(_SURVEY.c.id).where(_SURVEY.c.ticket_id.in_(own))
    orders = select(_ORDER.c.id).where(_ORDER.c.ticket_id.in_(own))
    signed = _SIGNATURE.c.work_order_id.in_(orders)
    await wipe(session, CompletionSignature, where=signed, count=count, opinion=None, signature_file_id=None)
    by_owner = signed & (_SIGNATURE.c.seat == SignatureSeat.OWNER)
    await wipe(session, CompletionSignature, where=by_owner, count={}, signed_by_name=ERASED_NAME)
    answered = _EXTENSION.c.work_order_id.in_(orders)
    unsaid = {"consent_by": None, "consent_note": None, "consent_file_id": None}
    await wipe(session, Extension, where=answered, count=count, **unsaid)
    await wipe(session, CallbackAttempt, where=_CALLBACK.c.ticket_id.in_(own), count=count, comment=None)
    parties = _PARTY.c.survey_id.in_(surveys)
    await wipe(session, SurveyParty, where=parties, count=count, comment=None, signature_file_id=None)
    photos = delete(WorkOrderPhoto).where(_PHOTO.c.work_order_id.in_(orders))
    await session.execute(photos.execution_options(synchronize_session=False))

    both = [*own, *person.near_ticket_ids]
    their_orders = select(_ORDER.c.id).where(_ORDER.c.ticket_id.in_(both))
    their_surveys = select(_SURVEY.c.id).where(_SURVEY.c.ticket_id.in_(both))
    told = ("description", "completion_note", "refusal_reason", "rework_reason", "cancellation_reason")
    spoken = ("reason", "consent_by", "consent_note")
    for table, columns, where in (
        (WorkOrder, told, _ORDER.c.ticket_id.in_(both)),
        (SiteSurvey, ("cause", "cancellation_reason"), _SURVEY.c.ticket_id.in_(both)),
        (EstimateLine, ("description",), _LINE.c.survey_id.in_(their_surveys)),
        (SurveyParty, ("comment", "exempt_because"), _PARTY.c.survey_id.in_(their_surveys)),
        (Extension, spoken, _EXTENSION.c.work_order_id.in_(their_orders)),
        (CompletionSignature, ("opinion", "signed_by_name"), _SIGNATURE.c.work_order_id.in_(their_orders)),
        (CallbackAttempt, ("comment",), _CALLBACK.c.ticket_id.in_(both)),
    ):
        await sweep(session, table, columns, pattern=person.nearby, count=count, where=where)
        await sweep(session, table, columns, pattern=person.everywhere, count=count)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return the work on the person's cases, with what the owner said to it."""
    own = list(person.ticket_ids)
    orders = select(_ORDER.c.id).where(_ORDER.c.ticket_id.in_(own))
    queries: dict[str, Any] = {
        "site_surveys": select(
            _SURVEY.c.id, _SURVEY.c.number, _SURVEY.c.ticket_id, _SURVEY.c.status, _SURVEY.c.scheduled_at,
            _SURVEY.c.visited_at, _SURVEY.c.building_part, _SURVEY.c.cause, _SURVEY.c.liable_party,
        ).where(_SURVEY.c.ticket_id.in_(own)),
        "work_orders": select(
            _ORDER.c.id, _ORDER.c.number, _ORDER.c.ticket_id, _ORDER.c.status, _ORDER.c.description,
            _ORDER.c.dispatched_at, _ORDER.c.completed_at, _ORDER.c.completion_note, _ORDER.c.signed_off_at,
            _ORDER.c.satisfaction,
        ).where(_ORDER.c.ticket_id.in_(own)),
        "extensions": select(
            _EXTENSION.c.id, _EXTENSION.c.work_order_id, _EXTENSION.c.reason, _EXTENSION.c.consented,
            _EXTENSION.c.consent_channel, _EXTENSION.c.consent_by, _EXTENSION.c.consent_note, _EXTENSION.c.answered_at,
        ).where(_EXTENSION.c.work_order_id.in_(orders)),
        "owner_signatures": select(
            _SIGNATURE.c.id, _SIGNATURE.c.work_order_id, _SIGNATURE.c.signed_by_name, _SIGNATURE.c.opinion,
            _SIGNATURE.c.satisfied, _SIGNATURE.c.signed_at,
        ).where(_SIGNATURE.c.work_order_id.in_(orders), _SIGNATURE.c.seat == SignatureSeat.OWNER),
        "callbacks": select(
            _CALLBACK.c.id, _CALLBACK.c.number, _CALLBACK.c.work_order_id, _CALLBACK.c.outcome,
            _CALLBACK.c.satisfaction, _CALLBACK.c.comment, _CALLBACK.c.called_at,
        ).where(_CALLBACK.c.ticket_id.in_(own)),
    }  # fmt: skip
    return {
        name: [plain(row) for row in await session.execute(query.order_by(query.selected_columns.id))]
        for name, query in queries.items()
    }
