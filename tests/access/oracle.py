"""What must come out of a cell, from first principles: is the scope in the role, and does its reach cover the thing?

It knows the cases and the grants, never the golden file nor the application's code.
"""

from collections.abc import Collection

from tests.access.calling import Answer
from tests.access.case import Case
from tests.access.world import Place

from ownercare_api.identity.principal import Principal, PrincipalKind

GATES = ("missing_scope", "out_of_reach")
"""The codes of the two gates; any other 403 is a rule of the business that judges a caller who may come so far."""


def _covers(principal: Principal, scope: str, place: Place, firms: Collection[str]) -> bool:
    reach = principal.reach(scope)
    mine = {place.things[name] for name in firms}
    return reach.everywhere or place.org.project.id in reach.projects or bool(reach.firms & mine)


def _sees(case: Case, principal: Principal, scope: str, place: Place) -> bool:
    if scope not in principal.scopes:
        return False
    if case.sight == "owner":
        return principal.owner_id == place.things["owner"]
    reach = principal.reach(scope)
    if case.sight == "project" and reach.firms & place.firms_here:
        return True
    if case.sight == "staff" and reach.projects:
        return True
    return _covers(principal, scope, place, case.firms)


def expected(case: Case, relation: str, *, door: Collection[str], principal: Principal | None, place: Place) -> str:
    """Return `ok`, `401`, `403`, `404`, `422`, several with `|`, or `refused` (anything but success)."""
    if case.public:
        return "ok"
    if principal is None:
        return "401"
    if not set(door) <= principal.scopes:
        return "403"
    if case.everybody or case.lists:
        return "ok"
    if not case.machines and principal.kind is PrincipalKind.CLIENT:
        return "403|404"
    wide = all(principal.reach(scope).everywhere for scope in door)
    if case.shared:
        if case.company_wide and not wide:
            return "404|403" if relation == "absent" else "403"
        return str(case.absent) if relation == "absent" else "ok"
    return _of_a_thing(case, relation, door=door, principal=principal, place=place, wide=wide)


def _of_a_thing(
    case: Case, relation: str, *, door: Collection[str], principal: Principal, place: Place, wide: bool
) -> str:
    if relation == "absent":
        return str(case.absent)
    reads = case.read or tuple(door)
    if not all(_sees(case, principal, scope, place) for scope in reads):
        return str(case.hidden)
    steps = () if case.sight == "owner" else [scope for scope in door if scope not in reads]
    acts = all(_covers(principal, scope, place, case.acting) for scope in steps)
    inside = not case.inside or any(
        scope in principal.scopes and _covers(principal, scope, place, case.acting) for scope in case.inside
    )
    if not (acts and inside) or (case.company_wide and not wide):
        of_a_firm = any(principal.reach(scope).firms for scope in door)
        refusal = str(case.firm_gets if of_a_firm else 403)
        return f"{refusal}|404" if relation == "nested" else refusal
    if relation == "nested":
        seen = all(principal.reach(scope).everywhere for scope in reads)
        return "ok" if (wide and case.free_child) or (seen and case.child_seen) else "refused"
    return "ok"


def agrees(wanted: str, answer: Answer, *, right: bool) -> bool:
    """Say whether an answer is what was expected; the right person must succeed."""
    if wanted == "ok":
        if right:
            return answer.status < 300
        return answer.status not in (401, 404) and answer.status < 500 and answer.code not in GATES
    if wanted == "refused":
        return 400 <= answer.status < 500
    return str(answer.status) in wanted.split("|")


def may_show(case: Case, *, door: Collection[str], principal: Principal | None, place: Place) -> set[str]:
    """Return the letters of the places whose things a list shows to a caller; `place` is one's own."""
    if principal is None or not set(door) <= principal.scopes:
        return set()
    if not set(case.by) <= principal.scopes or (not case.machines and principal.kind is PrincipalKind.CLIENT):
        return set()
    if case.sight == "owner":
        return set(case.firm_letters)
    reaches = [principal.reach(scope) for scope in case.by or door]
    if all(reach.everywhere for reach in reaches):
        return set(case.wide)
    if all(reach.projects for reach in reaches):
        return set(case.seen)
    mine = {place.things[name] for name in case.firms}
    if case.sight == "project" or all(reach.firms & mine for reach in reaches):
        return set(case.firm_letters) if any(reach.firms for reach in reaches) else set()
    return set()
