"""What the matrix asks: one `Case` for each operation, and how it is aimed at one's own, a sibling's, another firm's,
an absent thing.

To add an operation write one line in one of the `cases_*` modules:

    Case("work_orders_dispatch_create", subject="order_approved", body={"team_id": child("team")}, right="…_specialist")

- `subject` names a thing of `tests.access.world.Place.things`; it fills the path's last parameter (`path` fills others:
  `path={"account_id": "retention", "release_id": "release_asked"}`) and every `THE` in body and query.
- `child("team")` is an id beside the subject: of the same place, and in the relation `nested` of the sibling place,
  when nobody may be answered 2xx. `own("handler")` is always the same place's.
- `right` is the person to whom the same request is allowed: a role (company-wide), or a name of `Place.people`.
- `read` is the scope by which the thing is seen where the operation's own scopes are not (404 without it); `inside` are
  scopes of which one is needed besides those of the operation; `firms` says which partner firms the thing concerns.
- Lists have `lists=True` and `filters={"project_id": "project"}`: the outcome shows the letters of the places whose
  things appear, and every filter is tried with one's own, the sibling's and an absent id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.access.world import Place

ABSENT = "01990000-0000-7000-8000-00000000dead"
BOTH = frozenset({"company", "contractor"})
COMPANY = frozenset({"company"})
CONTRACTOR = frozenset({"contractor"})
NO_FIRM: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ref:
    """A place holder in a body or query; `role` says how it follows the relation."""

    thing: str
    role: str


THE = Ref("", "subject")
"""The subject's id."""


def child(thing: str) -> Ref:
    """Return the id of something beside the subject, foreign in the relation `nested`."""
    return Ref(thing, "child")


def own(thing: str) -> Ref:
    """Return the id of something of the subject's place."""
    return Ref(thing, "own")


def word(name: str) -> Ref:
    """Return a text of the subject's place."""
    return Ref(name, "word")


@dataclass(frozen=True)
class Case:
    """One operation; see the module's text."""

    op: str
    subject: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    form: Mapping[str, Any] | None = None
    urlencoded: Mapping[str, str] | None = None
    right: str = ""
    read: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    firms: frozenset[str] = BOTH
    lists: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    """The scopes whose reach a list shows, where they are not those of the operation."""
    shared: bool = False
    """The subject belongs to no place: everybody with the scope may."""
    company_wide: bool = False
    """Needs reach over the whole company."""
    everybody: bool = False
    """Any logged-in caller, about nothing but oneself or what is the same for all."""
    public: bool = False
    absent: int | str = 404
    """What an absent subject gets, several with `|`: 422 where it is named in the body of something not bound to a
    place."""
    hidden: int = 404
    """What a subject out of sight gets; equal to `absent`, so that nothing tells the two apart."""
    acting: frozenset[str] = NO_FIRM
    """Which firms' people with the scopes act on what they see; for the others the step is the staff's (403)."""
    sight: str = "thing"
    """How far firms and staff see: `thing` as said above; `project`: a firm sees what is of the projects it works in;
    `staff`: all staff see all, firms their own; `owner`: the owner of the place and nobody else."""
    firm_gets: int = 403
    """What a firm's people get where they see but don't act."""
    machines: bool = True
    """Machines may; else the step is a person's (403)."""
    complete: bool = True
    """The first page of the unfiltered list shows every place."""
    nested: bool = True
    """The ids of the path belong together; else none is the other's."""
    free_child: bool = False
    """Who reaches both projects may put the two together."""
    child_seen: bool = False
    """Who sees the other project's may put the two together."""
    seen: str = "OF"
    """Which letters a project's staff see in a list."""
    firm_letters: str = "O"
    """Which letters the people of the firms in `firms` see in a list."""
    wide: str = "OFS"
    """Which letters are seen in a list by who reaches everything."""
    nobody: bool = False
    """No request of ours is right: it needs a secret that no world holds."""
    why: str = ""
    """Why a case departs from the common pattern."""


def filled(value: Any, *, place: Place, beside: Place, subject: str) -> Any:
    """Return a body or query with its place holders filled: `subject` is an id, `beside` has the children."""
    if isinstance(value, Ref):
        if value.role == "subject":
            return subject
        if value.role == "word":
            return place.words[value.thing]
        found = (beside if value.role == "child" else place).things[value.thing]
        return str(found)
    if isinstance(value, Mapping):
        return {key: filled(one, place=place, beside=beside, subject=subject) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, place=place, beside=beside, subject=subject) for one in value]
    return value


def has_child(value: Any) -> bool:
    """Say whether a body or query names something beside the subject."""
    if isinstance(value, Ref):
        return value.role == "child"
    if isinstance(value, Mapping):
        return any(has_child(one) for one in value.values())
    return isinstance(value, list) and any(has_child(one) for one in value)


Many = Callable[[], list[Case]]
