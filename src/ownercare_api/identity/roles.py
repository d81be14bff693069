"""Reads `roles.toml`: the scopes, roles and departments, checked once at import."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of scopes (ORG-10, ORG-28)."""

    code: str
    zh: str
    scopes: frozenset[str]
    holder: str = "staff"
    """Who it is meant for: `staff`, the users of a kind of partner firm (`contractor`, `property_company`), or `owner`,
    which is never granted."""


def _load() -> tuple[Mapping[str, str], Mapping[str, Role], Mapping[str, str]]:
    raw = tomllib.loads(files(__package__).joinpath("roles.toml").read_text("utf-8"))
    scopes: dict[str, str] = raw["scopes"]
    roles = {}
    for code, role in raw["roles"].items():
        held: set[str] = set()
        for name in role["scopes"]:
            held |= set(raw["bundles"][name[1:]]) if name.startswith("@") else {name}
        if unknown := held - set(scopes):
            raise ValueError(f"roles.toml: role {code} names unknown scopes {sorted(unknown)}")
        roles[code] = Role(code=code, zh=role["zh"], scopes=frozenset(held), holder=role.get("for", "staff"))
    return scopes, roles, raw["departments"]


SCOPES, ROLES, DEPARTMENTS = _load()


def roles_with(scope: str) -> frozenset[str]:
    """Return the codes of the roles that include a scope."""
    return frozenset(role.code for role in ROLES.values() if scope in role.scopes)
