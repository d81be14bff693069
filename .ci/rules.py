"""Which rules of docs/rulebook.md have code and tests: `python .ci/rules.py [--check]`.

Code cites a rule by its number (`rules=…`, `x-rules`, docstrings, comments); a test by `@pytest.mark.rule("REP-02")`.
Writes docs/rule-coverage.md and prints the totals. With `--check` it only looks, and fails where a number is cited that
the rulebook does not have.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULEBOOK = ROOT / "docs" / "rulebook.md"
COVERAGE = ROOT / "docs" / "rule-coverage.md"
NOT_BUILT_BY = ("policies/catalogue.py", "demo/")
"""Files that name rules without carrying them out: the list of policy values, and the demonstration data."""

CHAPTER = re.compile(r"^## ([A-Z]{2,3}) — (.+)$")
ROW = re.compile(r"^\| ([A-Z]{2,3}-\d\d) \| (.+)$")
CITED = re.compile(r"\b([A-Z]{2,3})-(\d\d)((?:/\d\d)*)\b")
MARKED = re.compile(r"mark\.rule\(([^)]*)\)")


@dataclass
class Rule:
    """A rule, and where it is cited."""

    number: str
    words: str
    code: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        """Return how far it is."""
        if self.code and self.tests:
            return "code and tests"
        return "code" if self.code else "tests" if self.tests else "waiting"


def read_rulebook() -> dict[str, dict[str, Rule]]:
    """Return chapter title → rule number → rule, in the rulebook's order."""
    chapters: dict[str, dict[str, Rule]] = {}
    current: dict[str, Rule] = {}
    for line in RULEBOOK.read_text(encoding="utf-8").splitlines():
        if heading := CHAPTER.match(line):
            current = chapters.setdefault(f"{heading[1]} — {heading[2]}", {})
        elif row := ROW.match(line):
            words = re.split(r"(?<!\\)\|", row[2])[0].strip().replace("**", "")
            current[row[1]] = Rule(row[1], words)
    return chapters


def numbers(text: str) -> Iterator[str]:
    """Return the rule numbers in a text; `REP-05/06` names two."""
    for chapter, first, more in CITED.findall(text):
        for number in (first, *more.split("/")[1:]):
            yield f"{chapter}-{number}"


def cite(found: Mapping[str, Rule], chapters: set[str]) -> list[str]:
    """Note every citation on its rule; returns those of numbers that there are not."""
    unknown: dict[str, set[str]] = defaultdict(set)

    def note(cited: Iterable[str], path: Path, *, as_test: bool) -> None:
        where = path.relative_to(ROOT).as_posix()
        for number in cited:
            if number in found:
                (found[number].tests if as_test else found[number].code).add(where)
            elif number.partition("-")[0] in chapters:
                unknown[number].add(where)

    for path in sorted((ROOT / "src").rglob("*.py")):
        inside = path.relative_to(ROOT / "src" / "ownercare_api").as_posix()
        if not inside.startswith(NOT_BUILT_BY):
            note(numbers(path.read_text(encoding="utf-8")), path, as_test=False)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for arguments in MARKED.findall(path.read_text(encoding="utf-8")):
            note(numbers(arguments), path, as_test=True)
    return [f"{number} is not in the rulebook: {', '.join(sorted(where))}" for number, where in sorted(unknown.items())]


def count(rules: Iterable[Rule]) -> str:
    """Return the totals as words."""
    states = [rule.state for rule in rules]
    done, code = states.count("code and tests"), states.count("code")
    waiting = len(states) - done - code
    return f"{len(states)} rules: {done} with code and tests, {code} with code only, {waiting} waiting"


def write(chapters: Mapping[str, Mapping[str, Rule]]) -> None:
    """Write the table."""
    everything = [rule for rules in chapters.values() for rule in rules.values()]
    lines = [
        "# Rule coverage",
        "",
        "Written by `make rules`. What each rule says is in [the rulebook](rulebook.md).",
        "",
    ]
    lines += [f"**{count(everything)}.**"]
    for title, rules in chapters.items():
        if not rules:
            continue
        lines += ["", f"## {title}", "", f"{count(rules.values())}.", "", "| Rule | What | State | Code | Tests |"]
        lines.append("|---|---|---|---|---|")
        for rule in rules.values():
            code, tests = rooms(rule.code, "src/ownercare_api/"), rooms(rule.tests, "tests/")
            words = rule.words if len(rule.words) <= 90 else f"{rule.words[:88]} …"
            lines.append(f"| {rule.number} | {words} | {rule.state} | {code} | {tests} |")
    COVERAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rooms(paths: Iterable[str], prefix: str) -> str:
    """Name the files without what they have in common, at most four."""
    names = sorted({path.removeprefix(prefix).removesuffix(".py") for path in paths})
    return ", ".join(names[:4]) + (f", {len(names) - 4} more" if len(names) > 4 else "")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where an unknown rule is cited")
    options = parser.parse_args()
    chapters = read_rulebook()
    found = {number: rule for rules in chapters.values() for number, rule in rules.items()}
    unknown = cite(found, {number.partition("-")[0] for number in found})
    if not options.check:
        write(chapters)
        for title, rules in chapters.items():
            if rules:
                print(f"{title.partition(' ')[0]:<4} {count(rules.values())}")
    print(f"all  {count(found.values())}")
    if unknown:
        sys.exit("\n".join(unknown))


if __name__ == "__main__":
    main()
