"""Import rules that go by file name, as a contract for import-linter: inside a room, across rooms, and FastAPI.

Used by `make imports` (`[[tool.importlinter.contracts]]` in pyproject.toml); it is not a test itself.
"""

from dataclasses import dataclass

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

LAYERS = (
    ("router", "jobs"),
    ("access",),
    ("service",),
    ("repository",),
    ("views", "schemas"),
    ("models",),
    ("lifecycle",),
)
"""Inside a room, from the top; `router_steps` counts as `router`. Files of other names are free."""

PRIVATE = ("router", "jobs", "repository")
"""What other rooms never import."""

EDGE = ("router", "access", "declaring", "app", "docs_pages", "openapi")
"""Who may know FastAPI, apart from `core.http`."""

WEB = ("fastapi", "starlette")


def layer_of(leaf: str) -> int | None:
    """Return the layer of a file by the first word of its name, 0 at the top; None where it has none."""
    word = leaf.split("_")[0]
    return next((rank for rank, names in enumerate(LAYERS) if word in names), None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module of the package stands."""

    room: str
    """The package below the root; empty for the files beside the rooms (app, cli, wiring …)."""
    leaf: str

    @classmethod
    def of(cls, module: str) -> "Place":
        """Read a dotted name such as `ownercare_api.tickets.router_steps`."""
        parts = module.split(".")[1:]
        if len(parts) < 2:
            return cls("", parts[0] if parts else "")
        return cls(parts[0], parts[1])


def fault(importer: str, imported: str, rooms: frozenset[str]) -> str | None:
    """Return which rule an import breaks, if any."""
    source = Place.of(importer)
    at_edge = not {source.leaf, source.leaf.split("_")[0]}.isdisjoint(EDGE)
    knows_web = at_edge or (source.room, source.leaf) == ("core", "http")
    if imported.split(".")[0] in WEB:
        return None if knows_web else "only router, access, app and core.http know FastAPI"
    target = Place.of(imported)
    if not source.room or not target.room:
        return None  # composition roots plug everything together; the layers contract orders them
    if (target.room, target.leaf) == ("core", "http") and source.room in rooms and not knows_web:
        return "only router and access know core.http"
    if source.room != target.room:
        private = target.leaf.split("_")[0] in PRIVATE and target.room in rooms and source.room in rooms
        return "another room's router, jobs and repository are private" if private else None
    above, below = layer_of(source.leaf), layer_of(target.leaf)
    if above is None or below is None or above < below:
        return None
    if above == below and above > 0:
        return None  # one layer split over files, such as service_dispatch and service_cost
    if above == below and source.leaf.split("_")[0] == target.leaf.split("_")[0]:
        return None
    return "router | jobs > access > service > repository > views | schemas > models > lifecycle"


class RoomContract(Contract):
    """Checks every import of the package against the rules above."""

    type_name = "rooms"
    root = fields.StringField()
    not_rooms = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import."""
        root = str(self.root)
        outside = {str(name) for name in self.not_rooms}  # type: ignore[attr-defined]
        rooms = frozenset(name.split(".")[1] for name in graph.find_children(root)) - outside
        broken = []
        for importer in sorted(graph.modules):
            if not importer.startswith(f"{root}."):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                reason = fault(importer, imported, rooms)
                if reason:
                    details = graph.get_import_details(importer=importer, imported=imported)
                    lines = ", ".join(str(item["line_number"]) for item in details)
                    broken.append(f"{importer} (l. {lines}) imports {imported}: {reason}")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what is wrong."""
        for line in check.metadata["broken"]:
            output.print_error(line)
