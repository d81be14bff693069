"""Life cycles as tables: which step leads from where to where, with which scope; drawn from the same table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from ownercare_api.core.errors import Conflict, DomainError

Status = TypeVar("Status", bound=StrEnum)


class WrongStatus(Conflict):
    """409: the step is not possible in the present status."""

    code = "wrong_status"
    zh = "当前状态为“{status}”,不能执行“{step}”。"
    en = "The status is {status}; {step} is not possible from there."


Guard = Callable[[Any, Any], None]
"""Called with (subject, actor); raises the refusal."""


@dataclass(frozen=True, slots=True)
class Step(Generic[Status]):
    """One step of a life cycle: a sub-resource that is POSTed and a name in `allowed_actions`."""

    name: str
    sources: frozenset[Status]
    target: Status | None
    """The status afterwards; None keeps it."""
    scope: str
    guards: tuple[Guard, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lifecycle(Generic[Status]):
    """A transition table. `check` is the only judge: the steps and `allowed_actions` both ask it."""

    name: str
    initial: Status
    steps: Mapping[str, Step[Status]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, initial: Status, steps: Iterable[Step[Status]]) -> "Lifecycle[Status]":
        """Build the table from its steps."""
        return cls(name=name, initial=initial, steps={step.name: step for step in steps})

    def check(self, step_name: str, *, status: Status, subject: object, actor: object) -> Status:
        """Return the status after the step, or raise why it is refused."""
        step = self.steps[step_name]
        if status not in step.sources:
            raise WrongStatus(status=status.value, step=step_name)
        for guard in step.guards:
            guard(subject, actor)
        return status if step.target is None else step.target

    def allowed(self, *, status: Status, subject: object, actor: object, may: Callable[[str], bool]) -> list[str]:
        """Return the steps that `check` would let this actor take now, in the table's order."""
        names = []
        for step in self.steps.values():
            if status not in step.sources or not may(step.scope):
                continue
            try:
                for guard in step.guards:
                    guard(subject, actor)
            except DomainError:
                continue
            names.append(step.name)
        return names

    def mermaid(self) -> str:
        """Draw the table as a Mermaid state diagram, one arrow between two statuses."""
        arrows: dict[tuple[str, str], list[str]] = {}
        for step in self.steps.values():
            for source in sorted(step.sources, key=str):
                target = source if step.target is None else step.target
                arrows.setdefault((source.value, target.value), []).append(step.name)
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial.value}"]
        lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()]
        return "\n".join(lines)
