"""Every operation × every role × own, sibling, other firm, absent: as recorded, and as first principles say."""

import os

import pytest
from tests.access import matrix
from tests.access.stage import Stage


def test_every_operation_has_its_cells() -> None:
    known = set(matrix.operations())
    have = set(matrix.cases())
    missing = sorted(known - have)
    assert not missing, (
        f"operations without cells in the access matrix: {', '.join(missing)}. Write a Case for each (see"
        " tests/access/case.py), then run `python -m tests.access.matrix --write` and read what it recorded."
    )
    assert not have - known, f"cases of operations that are gone: {sorted(have - known)}"


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(matrix.CHUNKS))
@pytest.mark.rule("ORG-10", "ORG-28", "OWN-07")
async def test_the_matrix(stage: Stage, chunk: int) -> None:
    known = matrix.operations()
    only = set(filter(None, os.environ.get(matrix.ONLY, "").split(","))) or known.keys()
    names = sorted(name for name in matrix.cases() if matrix.chunk_of(name) == chunk and name in known and name in only)
    report = await matrix.run(stage.app, stage.connection, stage.world, stage.callers, names)
    print(f"\naccess matrix {chunk}: {report.cells} cells, {len(report.mismatches)} mismatches")
    print("\n".join(report.mismatches[:200]))
    if os.environ.get(matrix.WRITE):
        matrix.rewritten(set(names), report.lines)
    assert report.mismatches == []
    assert report.lines == matrix.recorded(set(names))
