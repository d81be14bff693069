"""Mutations of the sealed rows: columns, transactions, removals, insertions, order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from tests.timeline.sealed import rows

from ownercare_api.timeline.chain import FORM, Checkpoint

Mutate = Callable[["Trail", AsyncConnection], Awaitable[None]]


@dataclass(frozen=True)
class Trail:
    """The sealed trail: its chain in order, and its checkpoints."""

    engine: AsyncEngine
    chain: tuple[tuple[int, str, int], ...]
    checkpoints: tuple[Checkpoint, ...]

    def position(self, stream: str, seq: int) -> int:
        """Return where a row is linked."""
        return next(place for place, name, number in self.chain if (name, number) == (stream, seq))

    def seqs(self, stream: str) -> list[int]:
        """Return the rows of a stream in their order."""
        return [number for _, name, number in self.chain if name == stream]


@dataclass(frozen=True)
class Mutation:
    """What is done, and what must be found: a code, and the position and row where there is a definite one."""

    name: str
    do: Mutate
    codes: tuple[str, ...]
    position: Callable[[Trail], int | None] | None = None
    row: Callable[[Trail], tuple[str, int]] | None = None
    expecting_head: bool = False


def sql(*statements: str, **values: Any) -> Mutate:
    """Run statements; `{first}`, `{middle}`, `{last}` are rows of the events, `{denied}` one of the denials."""

    async def do(trail: Trail, connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(text(statement.format(**places(trail))), values)

    return do


def places(trail: Trail) -> dict[str, int]:
    events, denials = trail.seqs("event"), trail.seqs("denial")
    return {
        "first": events[0],
        "second": events[1],
        "middle": events[len(events) // 2],
        "after": events[len(events) // 2 + 1],
        "last": events[-1],
        "denied": denials[len(denials) // 2],
        "first_denied": denials[0],
        "last_denied": denials[-1],
        "end": len(trail.chain),
        "point": len(trail.checkpoints) // 2,
        "points": len(trail.checkpoints),
    }


def row_of(stream: str, which: str) -> dict[str, Any]:
    """Expect the fault at a row of `places`."""
    return {
        "row": lambda trail: (stream, places(trail)[which]),
        "position": lambda trail: trail.position(stream, places(trail)[which]),
    }


def at_row(stream: str, which: str) -> dict[str, Any]:
    """Expect the fault at the position of a row, whatever it is called now."""
    return {"position": lambda trail: trail.position(stream, places(trail)[which])}


CHANGES = {
    "event": {
        "seq": "seq + 1000000",
        "id": "gen_random_uuid()",
        "kind": "kind || 'x'",
        "subject_kind": "'owner'",
        "subject_id": "gen_random_uuid()",
        "ticket_id": "NULL",
        "project_id": "gen_random_uuid()",
        "firm_id": "gen_random_uuid()",
        "actor_kind": "'staff'",
        "actor_id": "gen_random_uuid()",
        "actor_name": "actor_name || ' '",
        "occurred_at": "occurred_at - interval '1 microsecond'",
        "rules": "rules[1:1]",
        "data": """jsonb_set(data, '{{list,1}}', '2.50')""",
        "xid": "xid::text::bigint::text::xid8",
    },
    "denial": {
        "seq": "seq + 1000000",
        "at": "'infinity'",
        "actor_kind": "NULL",
        "actor_id": "NULL",
        "operation": "'owners_list'",
        "method": "'HEAD'",
        "path": "path || '/'",
        "status": "403",
        "code": "'x'",
        "project_id": "NULL",
        "subject_id": "gen_random_uuid()",
        "request_id": "NULL",
        "source": "NULL",
        "count": "2",
        "xid": "xid::text::bigint::text::xid8",
    },
}
ROWS = {"event": ("first", "middle", "last"), "denial": ("denied",)}
_SEQ_FREE = "ALTER TABLE {stream} ALTER seq DROP IDENTITY"


def columns() -> list[Mutation]:
    made = []
    for stream, changes in CHANGES.items():
        for column, value in changes.items():
            for which in ROWS[stream]:
                name = f"{stream}.{column} of the {which}"
                update = f"UPDATE {stream} SET {column} = {value} WHERE seq = {{{which}}}"
                codes: tuple[str, ...]
                if column == "seq":
                    free = f"ALTER TABLE {stream} ALTER seq DROP IDENTITY"
                    do, codes, where = sql(free, update), ("row_inserted", "row_removed"), at_row(stream, which)
                elif column == "xid":
                    continue
                else:
                    do, codes, where = sql(update), ("row_changed",), row_of(stream, which)
                made.append(Mutation(name, do, codes, **where))
    return made


def transactions() -> list[Mutation]:
    move = "UPDATE event SET xid = ({to})::text::xid8 WHERE seq = {{{which}}}"
    return [
        # Events are written three to a transaction: one more or less still stands before the next, or not.
        Mutation("xid earlier", sql(move.format(to="5", which="middle")), ("row_changed",),
                 row=lambda trail: ("event", places(trail)["middle"]), position=lambda _: 1),
        Mutation("xid later", sql(move.format(to="xid::text::bigint + 100", which="middle")), ("row_reordered",),
                 **row_of("event", "middle")),
        Mutation("xid of the last", sql(move.format(to="xid::text::bigint + 1", which="last")), ("row_reordered",),
                 **row_of("event", "last")),
        Mutation("xid gone", sql("ALTER TABLE event ALTER xid DROP NOT NULL",
                                 "UPDATE event SET xid = NULL WHERE seq = {middle}"),
                 ("row_reordered",), **row_of("event", "middle")),
        Mutation("xid of a denial", sql("UPDATE denial SET xid = (xid::text::bigint + 1)::text::xid8"
                                        " WHERE seq = {denied}"),
                 ("row_changed", "row_reordered"), **row_of("denial", "denied")),
    ]  # fmt: skip


def removals() -> list[Mutation]:
    made = [
        Mutation(f"delete the {which} {stream}", sql(f"DELETE FROM {stream} WHERE seq = {{{which}}}"), ("row_removed",),
                 **row_of(stream, which))
        for stream, which in (("event", "first"), ("event", "middle"), ("event", "last"), ("denial", "denied"),
                              ("denial", "first_denied"), ("denial", "last_denied"))
    ]  # fmt: skip
    made += [
        Mutation("delete two neighbours", sql("DELETE FROM event WHERE seq IN ({middle}, {after})"), ("row_removed",),
                 **row_of("event", "middle")),
        Mutation("empty the events", sql("TRUNCATE event"), ("row_removed",), position=lambda _: 1),
        Mutation("delete a row and its link", sql("DELETE FROM event WHERE seq = {middle}",
                                                  "DELETE FROM audit_link WHERE stream = 'event' AND seq = {middle}"),
                 ("link_removed",), **at_row("event", "middle")),
        Mutation("delete a row and close the gap", delete_and_close, ("row_changed",), **at_row("event", "middle")),
    ]  # fmt: skip
    return made


async def delete_and_close(trail: Trail, connection: AsyncConnection) -> None:
    place = trail.position("event", places(trail)["middle"])
    await sql("DELETE FROM event WHERE seq = {middle}")(trail, connection)
    await connection.execute(text("DELETE FROM audit_link WHERE position = :place"), {"place": place})
    await connection.execute(
        text("UPDATE audit_link SET position = -position - 1 WHERE position > :place"), {"place": place}
    )
    await connection.execute(text("UPDATE audit_link SET position = -position - 2 WHERE position < 0"))


_INSERT = (
    "INSERT INTO event (seq, id, kind, subject_kind, subject_id, actor_kind, actor_id, actor_name, occurred_at, rules,"
    " data, xid) OVERRIDING SYSTEM VALUE SELECT {{seq}}, gen_random_uuid(), 'ticket.closed', 'ticket', subject_id,"
    " actor_kind, actor_id, actor_name, occurred_at, rules, data, {{xid}} FROM event WHERE seq = {{{{middle}}}}"
)


def insert(*, seq: str, xid: str) -> str:
    return _INSERT.format().format(seq=seq, xid=xid)


def insertions() -> list[Mutation]:
    free = "ALTER TABLE event ALTER xid DROP NOT NULL"
    return [
        Mutation("insert a back-dated row", sql(insert(seq="9000001", xid="xid")), ("row_inserted",),
                 row=lambda _: ("event", 9000001)),
        Mutation("insert before the first", sql(insert(seq="-5", xid="'3'::xid8")), ("row_inserted",),
                 row=lambda _: ("event", -5), position=lambda _: 1),
        Mutation("insert without a transaction", sql(free, insert(seq="9000002", xid="NULL")), ("row_inserted",),
                 row=lambda _: ("event", 9000002)),
        Mutation("insert from the future", sql(insert(seq="9000003", xid="'9000000000000'::xid8")), ("row_inserted",),
                 row=lambda _: ("event", 9000003)),
        Mutation("insert a back-dated denial",
                 sql("INSERT INTO denial (seq, at, status, code, xid) OVERRIDING SYSTEM VALUE SELECT 9000004, at, 403,"
                     " 'x', xid FROM denial WHERE seq = {denied}"), ("row_inserted",),
                 row=lambda _: ("denial", 9000004)),
        Mutation("insert a twin", sql("ALTER TABLE event DROP CONSTRAINT pk_event, DROP CONSTRAINT uq_event_id",
                                      "INSERT INTO event OVERRIDING SYSTEM VALUE SELECT * FROM event"
                                      " WHERE seq = {middle}"),
                 ("table_replaced",)),
        Mutation("insert a link beyond the end",
                 sql("INSERT INTO audit_link VALUES ({end} + 1, 'event', 9000005, '\\x00')"), ("checkpoint_removed",),
                 position=lambda trail: len(trail.chain) + 1),
        Mutation("insert a row with its link in the middle", row_with_link, ("row_changed", "row_inserted"),
                 row=lambda _: ("event", 9000006)),
    ]  # fmt: skip


async def row_with_link(trail: Trail, connection: AsyncConnection) -> None:
    """Push the links after the middle one up and put the new row's between; the digests as well as can be."""
    place = trail.position("event", places(trail)["middle"])
    await sql(insert(seq="9000006", xid="xid"))(trail, connection)
    await connection.execute(
        text("UPDATE audit_link SET position = -position - 1 WHERE position > :place"), {"place": place + 2}
    )
    await connection.execute(text("UPDATE audit_link SET position = -position WHERE position < 0"))
    await connection.execute(
        text("INSERT INTO audit_link VALUES (:place, 'event', 9000006, '\\x00')"), {"place": place + 3}
    )


def orders() -> list[Mutation]:
    swap = (
        "UPDATE event e SET {columns} FROM event o WHERE e.seq IN ({{{{{a}}}}}, {{{{{b}}}}})"
        " AND o.seq = {{{{{a}}}}} + {{{{{b}}}}} - e.seq"
    )
    names = [name for name in FORM["event"] if name not in ("seq", "xid")]
    swapped = ", ".join(f"{name} = o.{name}" for name in names)
    free = "ALTER TABLE event DROP CONSTRAINT uq_event_id"

    def contents(a: str, b: str) -> str:
        return swap.format(columns=swapped, a=a, b=b).format()

    return [
        Mutation("swap the contents of the middle and the last", sql(free, contents("middle", "last")),
                 ("row_changed",), **row_of("event", "middle")),
        Mutation("swap the contents of the first two", sql(free, contents("first", "second")), ("row_changed",),
                 **row_of("event", "first")),
        Mutation("swap two links", swap_links, ("row_reordered",), position=lambda trail: 11),
        Mutation("swap the rows of two links", swap_rows_of_links, ("link_changed", "row_changed", "row_reordered"),
                 position=lambda trail: 11),
    ]  # fmt: skip


async def swap_links(trail: Trail, connection: AsyncConnection) -> None:
    await connection.execute(text("UPDATE audit_link SET position = -position WHERE position IN (11, 12)"))
    await connection.execute(text("UPDATE audit_link SET position = 23 + position WHERE position < 0"))


async def swap_rows_of_links(trail: Trail, connection: AsyncConnection) -> None:
    (a,), (b,) = await rows(connection, "SELECT seq FROM audit_link WHERE position IN (11, 12) ORDER BY position")
    for place, seq in ((11, -1), (12, a), (11, b)):
        await connection.execute(
            text("UPDATE audit_link SET seq = :seq WHERE position = :place"), {"seq": seq, "place": place}
        )
