"""The access matrix: every operation, by every role, at what is one's own, a sibling's, another firm's, and absent.

`python -m tests.access.matrix --write` writes `matrix.txt` anew; without `--write` it compares. Names of operations
after it limit it to them. Both run every cell; among the other tests two crowds of equal callers are thinned
(`_thinned`). Each cell runs through the whole application inside a savepoint that is rolled back; after a refusal the
tables must be as they were.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.access import (
    cases_around,
    cases_money,
    cases_payments,
    cases_people,
    cases_portal,
    cases_records,
    cases_service,
    cases_work,
    oracle,
)
from tests.access.callers import MACHINES, Callers, Column
from tests.access.calling import Answer, Request, ask
from tests.access.case import ABSENT, Case, filled, has_child
from tests.access.proof import Ledger
from tests.access.world import Place, World

from ownercare_api.identity.roles import ROLES

GOLDEN = Path(__file__).with_name("matrix.txt")
DOCUMENT = Path(__file__).parents[2] / "openapi" / "openapi.json"
WRITE, ONLY, EVERY = "OWNERCARE_WRITE_MATRIX", "OWNERCARE_MATRIX_ONLY", "OWNERCARE_MATRIX_EVERY"
CHUNKS = 6
NO_SCOPE = "403 missing_scope"
MODULES = (
    cases_service,
    cases_work,
    cases_money,
    cases_records,
    cases_people,
    cases_around,
    cases_payments,
    cases_portal,
)
LETTER = {"own": "O", "sibling": "S", "other": "F", "absent": "O", "nested": "O", "all": "O"}
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def cases() -> dict[str, Case]:
    """Return the cases by operation."""
    found = [case for module in MODULES for case in module.CASES]
    by_op = {case.op: case for case in found}
    assert len(by_op) == len(found), "an operation has two cases"
    return by_op


@dataclass(frozen=True)
class Operation:
    """An operation as the OpenAPI document has it."""

    id: str
    method: str
    path: str
    scopes: tuple[str, ...]
    parameters: frozenset[str]
    needs_key: bool


@cache
def document() -> dict[str, Any]:
    """Return the committed document; that it is what the code says is tested with the contract."""
    return dict(json.loads(DOCUMENT.read_text("utf-8")))


@cache
def operations() -> dict[str, Operation]:
    """Return the operations of the document by id."""
    found = {}
    for path, methods in document()["paths"].items():
        for method, spec in methods.items():
            security = spec.get("security") or [{}]
            found[spec["operationId"]] = Operation(
                id=spec["operationId"],
                method=method.upper(),
                path=path,
                scopes=tuple(scope for scopes in security[0].values() for scope in scopes),
                parameters=frozenset(one["name"] for one in spec.get("parameters", ()) if one["in"] == "query"),
                needs_key="idempotency_key_missing" in str(spec["responses"].get("400", "")),
            )
    return found


@dataclass(frozen=True)
class Row:
    """One line of the matrix: a request, and at which place it is aimed."""

    case: Case
    relation: str
    place: Place
    request: Request


def rows(world: World, operation: Operation, case: Case) -> Iterator[Row]:
    """Return the lines of an operation."""
    if case.lists:
        yield from _list_rows(world, operation, case)
        return
    relations = ["own"]
    if case.subject and case.shared:
        relations += ["absent"]
    elif case.subject:
        relations += ["sibling", "other", "absent"]
        if (case.path and case.nested) or has_child(case.body) or has_child(case.query):
            relations += ["nested"]
    for relation in relations:
        place = world.places[LETTER[relation]]
        yield Row(case, relation, place, _aimed(world, operation, case, relation, place))


def _aimed(world: World, operation: Operation, case: Case, relation: str, place: Place) -> Request:
    sibling = world.places["S"]
    things = place.things
    subject = ABSENT if relation == "absent" else str(things.get(case.subject, ""))
    by_path = relation == "nested" and bool(case.path)
    if by_path:
        subject = str(sibling.things[case.subject])
    beside = sibling if relation == "nested" and not by_path else place
    names = re.findall(r"{(\w+)}", operation.path)
    path = operation.path
    for name in names:
        given = case.path.get(name)
        value = subject if given is None else given[1:] if given.startswith("=") else str(things[given])
        path = path.replace(f"{{{name}}}", value)

    def fill(value: Any) -> Any:
        return filled(value, place=place, beside=beside, subject=subject)

    headers = {}
    if operation.method in ("PATCH", "PUT", "DELETE"):
        headers["If-Match"] = "*"
    if operation.needs_key:
        headers["Idempotency-Key"] = "matrix-1"
    return Request(
        operation.method,
        path,
        query=fill(case.query),
        headers=headers,
        body=fill(case.body),
        form=None if case.form is None else fill(case.form),
        urlencoded=None if case.urlencoded is None else dict(case.urlencoded),
    )


def _list_rows(world: World, operation: Operation, case: Case) -> Iterator[Row]:
    counted = {"include_total": "true"} if "include_total" in operation.parameters else {}
    counted |= {"limit": "200"} if "limit" in operation.parameters else {}
    if isinstance(case.body, dict):  # a search by POST: for each place by its own words
        for relation in ("own", "other", "sibling") if "word" in str(case.body) else ("own",):
            place = world.places[LETTER[relation]]
            yield Row(case, relation, place, _aimed(world, operation, case, relation, place))
        return
    plain = _aimed(world, operation, case, "own", world.places["O"])
    yield Row(case, "all", world.places["O"], Request(plain.method, plain.path, query={**plain.query, **counted}))
    for name, thing in case.filters.items():
        for relation in ("own", "other", "sibling", "absent"):
            place = world.places[LETTER[relation]]
            value = place.words.get(thing) or str(place.things[thing])
            if relation == "absent":
                value = "无此内容" if thing in place.words else ABSENT
            query = {**plain.query, **counted, name: value}
            yield Row(case, f"{name}={relation}", place, Request(plain.method, plain.path, query=query))


def letters_of(row: Row, answer: Answer, world: World) -> str:
    """Return the letters of the places whose ids an answer holds, besides those that were asked with."""
    asked = set(row.request.query.values())
    found = {world.letters.get(one.decode(), "") for one in _UUID.findall(answer.body) if one.decode() not in asked}
    return "".join(letter for letter in "OFS" if letter in found)


def outcome_of(row: Row, answer: Answer, world: World) -> str:
    """Return a cell's text: the status, and the code of a refusal or the letters of what is shown."""
    if answer.status >= 400:
        return f"{answer.status} {answer.code}"
    shown = f"{answer.status}[{letters_of(row, answer, world)}]"
    document = answer.json
    if isinstance(document, dict) and document.get("total") is not None and document["next_cursor"] is None:
        shown += "" if document["total"] == len(document["items"]) else " TOTAL!"
    return shown


@dataclass
class Report:
    """What a chunk found."""

    lines: list[str] = field(default_factory=list)
    cells: int = 0
    mismatches: list[str] = field(default_factory=list)


async def run(app: FastAPI, connection: AsyncConnection, world: World, callers: Callers, wanted: list[str]) -> Report:
    """Run the cells of some operations."""
    report = Report()
    by_op, known = cases(), operations()
    for name in wanted:
        for place, row in enumerate(rows(world, known[name], by_op[name])):
            columns = await _columns(callers, known[name], row)
            known_outcomes: dict[str, str] = {}
            if not every_cell():
                columns, known_outcomes = _thinned(columns, known[name], recorded_line(name, row.relation), turn=place)
            # What new callers wrote belongs to the world, not to a cell: the savepoint comes after it.
            await connection.exec_driver_sql("SAVEPOINT cell")
            runner = Runner(app, Ledger(connection), world, row, known[name])
            await runner.run(columns)
            await connection.exec_driver_sql("RELEASE SAVEPOINT cell")
            report.cells += len(columns)
            report.mismatches += [f"{name} {row.relation} {one}" for one in runner.mismatches]
            everybody = [*columns, *(replace(columns[0], name=one) for one in known_outcomes)]
            outcomes = known_outcomes | runner.outcomes
            report.lines.append(_line(name, row.relation, everybody, outcomes, first=place == 0))
    return report


def every_cell() -> bool:
    """Say whether nothing is thinned: `OWNERCARE_MATRIX_EVERY=1`."""
    return WRITE in os.environ or EVERY in os.environ


_ONE_IN, _AT_THE_DOOR = 6, 3


def _thinned(
    columns: list[Column], operation: Operation, line: str, *, turn: int
) -> tuple[list[Column], dict[str, str]]:
    """Return whom to try, and the outcomes of the others as recorded.

    Of those who lack a scope one in three is tried at an operation's first line, the first one at the others: the door
    asks for it before it looks at what is wanted. Of the roles that the recorded line sums up as `~`, which a first
    line never does, one in six, in turn. Whoever differs from his like is always tried.
    """
    needed = set(operation.scopes)
    lacking = [one.name for one in columns if one.principal is not None and not needed <= one.principal.scopes]
    parts = [part.rpartition(": ") for part in line.partition(" | ")[2].split(" | ")]
    named = {name for _, _, who in parts for name in who.split()}
    like = [one.name for one in columns if one.name in ROLES and one.name not in {*named, *lacking}]
    crowd = next((outcome for outcome, _, who in parts if who == "~"), None)
    door = sum(operation.id.encode()) % _AT_THE_DOOR
    waved_off = lacking[1:] if turn else [name for place, name in enumerate(lacking) if place % _AT_THE_DOOR != door]
    untried = dict.fromkeys(waved_off, NO_SCOPE)
    if crowd is not None:
        untried |= {name: crowd for place, name in enumerate(like) if place % _ONE_IN != turn % _ONE_IN}
    return [one for one in columns if one.name not in untried], untried


@dataclass
class Runner:
    """Runs one line: who is expected to get through one by one, each rolled back; then all who are not, together."""

    app: FastAPI
    ledger: Ledger
    world: World
    row: Row
    operation: Operation
    outcomes: dict[str, str] = field(default_factory=dict)
    mismatches: list[str] = field(default_factory=list)
    succeeded: bool = False

    async def run(self, columns: list[Column]) -> None:
        """Run every column."""
        await self.ledger.begin()
        wanted = {column.name: self._wanted(column) for column in columns}
        for column in columns:
            if wanted[column.name] == "ok":
                answer = await self._ask(column, wanted[column.name])
                await self._settle(column.name, refused=answer.status >= 400)
        for column in columns:
            if wanted[column.name] != "ok":
                answer = await self._ask(column, wanted[column.name])
                if answer.status < 400 or answer.status >= 500:
                    await self.ledger.undo()
        await self._settle("somebody who was refused", refused=True)
        if not self.succeeded and self.row.relation not in ("absent", "nested") and not self.row.case.nobody:
            self.mismatches.append("the same request is allowed to nobody")

    def _wanted(self, column: Column) -> str:
        row, door = self.row, self.operation.scopes
        return oracle.expected(row.case, row.relation, door=door, principal=column.principal, place=row.place)

    async def _ask(self, column: Column, wanted: str) -> Answer:
        request = self.row.request
        answer = await ask(self.app, replace(request, headers={**request.headers, **column.headers}))
        outcome = self.outcomes[column.name] = outcome_of(self.row, answer, self.world)
        self.succeeded = self.succeeded or answer.status < 300
        self.mismatches += [f"{column.name}: {one}" for one in self._judged(column, wanted, answer, outcome)]
        return answer

    async def _settle(self, who: str, *, refused: bool) -> None:
        """Roll back what was done; where it was refused, it must have changed nothing."""
        moved = await self.ledger.moved()
        if not moved:
            return
        if refused and (changed := await self.ledger.changed(moved)):
            self.mismatches.append(f"{who}: refused, but changed {sorted(changed)}")
        await self.ledger.undo()

    def _judged(self, column: Column, wanted: str, answer: Answer, outcome: str) -> list[str]:
        case, row = self.row.case, self.row
        right = column.name == "right" and row.relation not in ("absent", "nested")
        found = []
        if not oracle.agrees(wanted, answer, right=right) and not (case.nobody and answer.status < 500):
            detail = answer.body.decode()[:600] if right else ""
            found.append(f"expected {wanted}, got {outcome} {detail}".rstrip())
        if case.lists and answer.status < 300 and not right:
            own = self.world.places["O"]
            allowed = oracle.may_show(case, door=self.operation.scopes, principal=column.principal, place=own)
            shown = set(letters_of(row, answer, self.world))
            if extra := shown - allowed:
                found.append(f"shows {sorted(extra)}: {outcome}")
            complete = (row.relation == "all" and case.complete) or (
                row.request.body is not None and row.relation == "own"
            )
            wanted_letters = allowed & {"O"} if row.request.body is not None else allowed
            if complete and (missing := wanted_letters - shown):
                found.append(f"does not show {sorted(missing)}: {outcome}")
        if "TOTAL!" in outcome:
            found.append("counts what it does not show")
        return found


async def _columns(callers: Callers, operation: Operation, row: Row) -> list[Column]:
    case = row.case
    columns = list(callers.columns)
    if operation.scopes and case.sight != "owner":  # no machine is ever an owner
        scopes = frozenset({*operation.scopes, *case.read, *case.inside})
        columns += [await callers.machine(name, scopes) for name in MACHINES]
    right = await callers.right(case, row.place)
    return [*columns, right] if right else columns


def _line(name: str, relation: str, columns: list[Column], outcomes: Mapping[str, str], *, first: bool) -> str:
    """Return a line; without loss: `*` are all who lack the scope, `~` the largest other group, but in the first line
    of an operation, which names who has the scope."""
    who: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        who[outcomes[column.name]].append(column.name)
    lacking = who.pop(NO_SCOPE, [])
    crowd = max(who, key=lambda outcome: len(who[outcome]), default="")
    parts = []
    for outcome, names in sorted(who.items()):
        short = not first and outcome == crowd and len(names) > 3
        parts.append(f"{outcome}: {'~' if short else ' '.join(names)}")
    return f"{name} {relation} | " + " | ".join([*parts, *([f"{NO_SCOPE}: *"] if lacking else [])])


def header() -> list[str]:
    """Return the first lines of the golden file."""
    return [
        "# The access matrix: operation, relation | outcome: who | …",
        "# `*`: all who lack the scope; `~`: all the others who are named in the operation's first line.",
        "# 200[OF] shows things of one's own place (O) and of another firm's in the same project (F); S: a sibling's.",
        "# Written by `python -m tests.access.matrix --write`; see tests/access/case.py.",
    ]


def main(arguments: list[str]) -> int:
    """Write or compare the golden file."""
    environment = dict(os.environ)
    if "--write" in arguments:
        environment[WRITE] = "1"
    environment[EVERY] = "1"
    environment[ONLY] = ",".join(one for one in arguments if not one.startswith("--"))
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", "--tb=line", "--durations=8"]
    return subprocess.run([*command, str(Path(__file__).with_name("test_matrix.py"))], env=environment).returncode


def chunk_of(name: str) -> int:
    """Return in which chunk an operation is run; stable, so that two cores share the work evenly."""
    return sum(name.encode()) % CHUNKS


@cache
def _lines() -> dict[tuple[str, str], str]:
    lines = GOLDEN.read_text("utf-8").splitlines() if GOLDEN.exists() else []
    return {tuple(line.split(" ", 2)[:2]): line for line in lines if not line.startswith("#")}  # type: ignore[misc]


def recorded_line(name: str, relation: str) -> str:
    """Return the golden line of a row; empty where there is none."""
    return _lines().get((name, relation), "")


def recorded(names: set[str]) -> list[str]:
    """Return the golden lines of some operations."""
    lines = GOLDEN.read_text("utf-8").splitlines() if GOLDEN.exists() else []
    return [line for line in lines if not line.startswith("#") and line.split(" ", 1)[0] in names]


def rewritten(names: set[str], lines: list[str]) -> None:
    """Replace the golden lines of some operations."""
    known = set(cases()) - names
    old = GOLDEN.read_text("utf-8").splitlines() if GOLDEN.exists() else []
    kept = [line for line in old if line.split(" ", 1)[0] in known]
    by_operation: dict[str, list[str]] = defaultdict(list)
    for line in [*kept, *lines]:
        by_operation[line.split(" ", 1)[0]].append(line)
    body = [line for name in sorted(by_operation) for line in by_operation[name]]
    GOLDEN.write_text("\n".join([*header(), *body]) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
