"""Mutations of the chain itself: links, checkpoints, everything computed anew, its end, the tables."""

from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.timeline.mutations import Mutate, Mutation, Trail, places, sql
from tests.timeline.sealed import rows

from ownercare_api.timeline.chain import GENESIS, Head, SealKey, canonical_sql, link

EVENTS, DENIALS = 240, 24
STRANGER = SealKey(b"S" * 32)


def links() -> list[Mutation]:
    made = []
    for name, place in (("first", 1), ("tenth", 10), ("last", EVENTS + DENIALS)):
        here: dict[str, Any] = {"position": lambda _, place=place: place}
        change = f"UPDATE audit_link SET {{what}} WHERE position = {place}"
        made += [
            Mutation(f"delete the {name} link", sql(f"DELETE FROM audit_link WHERE position = {place}"),
                     ("link_removed",), **here),
            Mutation(f"change the {name} digest", sql(change.format(what="digest = sha256(digest)")),
                     ("link_changed",), **here),
            Mutation(f"change the {name} link's row", sql(change.format(what="seq = 8000001")), ("link_changed",),
                     **here),
            Mutation(f"change the {name} link's stream", sql(change.format(what="stream = 'x'")), ("link_changed",),
                     **here),
            Mutation(f"move the {name} link", sql(change.format(what="position = 8000002")),
                     ("link_removed", "checkpoint_removed"), **here),
        ]  # fmt: skip
    made.append(Mutation("empty the links", sql("TRUNCATE audit_link"), ("link_removed",), position=lambda _: 1))
    return made


async def rebuild(connection: AsyncConnection, *, since: int) -> dict[int, bytes]:
    """Compute every digest anew from a position on, as one without the key can; returns them."""
    digests: dict[int, bytes] = {0: GENESIS}
    for place, stream, seq, stored in await rows(
        connection, "SELECT position, stream, seq, digest FROM audit_link ORDER BY position"
    ):
        if place < since:
            digests[place] = bytes(stored)
            continue
        ((canonical,),) = await rows(
            connection, f"SELECT {canonical_sql(stream, alias='r')} FROM {stream} r WHERE seq = {seq}"
        )
        digests[place] = link(digests[place - 1], bytes(canonical))
        await connection.execute(
            text("UPDATE audit_link SET digest = :digest WHERE position = :place"),
            {"digest": digests[place], "place": place},
        )
    return digests


def rewriting(*, points: bool = False, signer: SealKey | None = None, key_id: bool = False) -> Mutate:
    """Change the middle row and compute the chain anew; with `points` the checkpoints too, signed by somebody else."""

    async def do(trail: Trail, connection: AsyncConnection) -> None:
        await sql("UPDATE event SET actor_name = '别人' WHERE seq = {middle}")(trail, connection)
        since = trail.position("event", places(trail)["middle"])
        digests = await rebuild(connection, since=since)
        for point in trail.checkpoints if points else ():
            if point.head.position < since:
                continue
            forged = replace(point, head=Head(point.head.position, digests[point.head.position]))
            if signer is not None:
                forged = signer.sign(forged)
            if key_id:
                forged = replace(forged, key_id=point.key_id)
            await connection.execute(
                text("UPDATE audit_checkpoint SET digest = :digest, key_id = :key_id, signature = :signature"
                     " WHERE number = :number"), forged.columns(),
            )  # fmt: skip

    return do


def _before(trail: Trail) -> int:
    """Return the beginning of the batch that the middle row is in."""
    place = trail.position("event", places(trail)["middle"])
    return max([point.head.position for point in trail.checkpoints if point.head.position < place], default=0) + 1


def _batch_end(trail: Trail) -> int:
    place = trail.position("event", places(trail)["middle"])
    return min(point.head.position for point in trail.checkpoints if point.head.position >= place)


def rewritings() -> list[Mutation]:
    return [
        Mutation("compute the chain anew", rewriting(), ("rewritten",), position=_before),
        Mutation("and the checkpoints' digests", rewriting(points=True), ("checkpoint_forged",), position=_batch_end),
        Mutation("and sign them with another key", rewriting(points=True, signer=STRANGER), ("checkpoint_forged",),
                 position=_batch_end),
        Mutation("and call it the right key", rewriting(points=True, signer=STRANGER, key_id=True),
                 ("checkpoint_forged",), position=_batch_end),
    ]  # fmt: skip


def checkpoints() -> list[Mutation]:
    up = "UPDATE audit_checkpoint SET {column} = {column} + 1 WHERE number = {{point}}"
    made = [
        Mutation(f"checkpoint.{column}", sql(up.format(column=column)), ("checkpoint_forged",))
        for column in ("position", "entries", "next_xid", "event_xid", "event_seq", "event_highest", "denial_xid",
                       "denial_seq", "denial_highest")
    ]  # fmt: skip
    for column, value in (("digest", "sha256(digest)"), ("at", "at - interval '1 second'"), ("key_id", "'x'"),
                          ("signature", "'\\x00'"), ("signature", "set_byte(signature, 5, 7)")):  # fmt: skip
        made.append(
            Mutation(f"checkpoint.{column} = {value}", sql(f"UPDATE audit_checkpoint SET {column} = {value}"
                                                           " WHERE number = {point}"), ("checkpoint_forged",),
                     position=lambda trail: trail.checkpoints[len(trail.checkpoints) // 2 - 1].head.position)
        )  # fmt: skip
    gone, renumber = "DELETE FROM audit_checkpoint WHERE number", "UPDATE audit_checkpoint SET number ="
    made += [
        Mutation("move a checkpoint back", sql("UPDATE audit_checkpoint SET position = position - 7"
                                               " WHERE number = {point}"), ("checkpoint_forged",)),
        Mutation("number the last checkpoint anew", sql("UPDATE audit_checkpoint SET number = number + 1"
                                                        " WHERE number = {points}"), ("checkpoint_removed",)),
        Mutation("delete the first checkpoint", sql(f"{gone} = 1"), ("checkpoint_removed",)),
        Mutation("delete a checkpoint", sql(f"{gone} = {{point}}"), ("checkpoint_removed",)),
        Mutation("delete it and close the gap", sql(f"{gone} = {{point}}",
                                                    f"{renumber} -number WHERE number > {{point}}",
                                                    f"{renumber} -number - 1 WHERE number < 0"),
                 ("checkpoint_forged",)),
        Mutation("delete the last checkpoint", sql(f"{gone} = {{points}}"), ("checkpoint_removed",),
                 position=lambda trail: trail.checkpoints[-2].head.position + 1),
        Mutation("delete the last two checkpoints", sql(f"{gone} >= {{points}} - 1"), ("checkpoint_removed",),
                 position=lambda trail: trail.checkpoints[-3].head.position + 1),
        Mutation("delete all checkpoints", sql("TRUNCATE audit_checkpoint"), ("checkpoint_removed",),
                 position=lambda _: 1),
    ]  # fmt: skip
    return made


def cut(*, rows_too: bool) -> Mutate:
    async def do(trail: Trail, connection: AsyncConnection) -> None:
        end = trail.checkpoints[-2].head.position
        await connection.execute(text("DELETE FROM audit_checkpoint WHERE number = :n"), {"n": len(trail.checkpoints)})
        await connection.execute(text("DELETE FROM audit_link WHERE position > :end"), {"end": end})
        for _, stream, seq in trail.chain[end:] if rows_too else ():
            await connection.execute(text(f"DELETE FROM {stream} WHERE seq = :seq"), {"seq": seq})

    return do


def _end(trail: Trail) -> int:
    return len(trail.chain)


def ends() -> list[Mutation]:
    everything = "TRUNCATE audit_link, audit_checkpoint, audit_verification"
    return [
        Mutation("cut the end of the chain", cut(rows_too=False), ("truncated",), position=_end, expecting_head=True),
        Mutation("cut the end, rows and all", cut(rows_too=True), ("truncated",), position=_end, expecting_head=True),
        Mutation("empty the chain", sql(everything), ("truncated",), position=_end, expecting_head=True),
        Mutation("empty everything", sql(f"{everything}, event, denial"), ("truncated",), position=_end,
                 expecting_head=True),
    ]  # fmt: skip


def structures() -> list[Mutation]:
    return [
        Mutation("a view in the table's place", sql("ALTER TABLE event RENAME TO kept",
                                                    "CREATE VIEW event AS SELECT * FROM kept"), ("table_replaced",)),
        Mutation("row security", sql("ALTER TABLE event ENABLE ROW LEVEL SECURITY"), ("table_replaced",)),
        Mutation("a rule", sql("CREATE RULE r AS ON INSERT TO denial DO INSTEAD NOTHING"), ("table_replaced",)),
        Mutation("a table beneath", sql("CREATE TABLE more () INHERITS (event)"), ("table_replaced",)),
        Mutation("the table gone", sql("DROP TABLE audit_checkpoint"), ("table_replaced",)),
    ]  # fmt: skip
