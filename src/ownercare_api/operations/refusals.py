"""Every refusal that the API can give, by its code: what the `type` of a problem document leads to."""

import re
from collections.abc import Iterator
from functools import cache
from inspect import getdoc

from ownercare_api.core.errors import DomainError, NotFound
from ownercare_api.operations.schemas import RefusalRead

_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")


class RefusalNotFound(NotFound):
    """404: no refusal has this code."""

    code = "refusal_not_found"
    zh, en = "没有此错误代码。", "There is no such code."


def _kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


@cache
def catalogue() -> tuple[RefusalRead, ...]:
    """Return the refusals in the order of their codes; one code stands twice where two rooms word it differently."""
    made = {
        (kind.code, kind.status, kind.zh): RefusalRead(
            code=kind.code,
            status=kind.status,
            title_zh=kind.title_zh,
            title_en=kind.title_en,
            detail_zh=_PLACEHOLDER.sub("…", kind.zh),
            detail_en=_PLACEHOLDER.sub("…", kind.en),
            about=(getdoc(kind) or "").split("\n\n")[0].replace("\n", " "),
            rules=list(kind.rules),
        )
        for kind in _kinds(DomainError)
    }
    return tuple(made[key] for key in sorted(made))


def meanings(code: str) -> list[RefusalRead]:
    """Return what a code means; raises `RefusalNotFound`."""
    found = [one for one in catalogue() if one.code == code]
    if not found:
        raise RefusalNotFound
    return found
