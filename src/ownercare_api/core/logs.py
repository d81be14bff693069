"""Structured logs: one JSON line per event, on standard error, without personal data."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import asyncpg
import sqlalchemy.exc
import structlog
from structlog.tracebacks import ExceptionDictTransformer

_DRIVER_ERRORS = {name for module in (asyncpg.exceptions, sqlalchemy.exc) for name in dir(module)}


def _without_values(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take the messages out of database errors: their DETAIL quotes the row."""
    for raised in event.get("exception", ()):
        if isinstance(raised, dict) and raised.get("exc_type") in _DRIVER_ERRORS:
            raised["exc_value"] = str(raised.get("exc_value", "")).split("\n")[0].split("DETAIL")[0][:200]
    return event


def configure(level: str) -> None:
    """Set up logging for a process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Never the local variables: they hold personal data.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _without_values,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level.upper(), 20)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
