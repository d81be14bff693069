"""Writes the lock files from `pyproject.toml`, or checks that they are fit to be committed. See ADR 0005.

`python .ci/lock.py [--upgrade | --check]`: renew (keeping versions that still fit), renew to the newest, or only check:
every package is pinned with hashes, the two files agree, what the project asks for is there, and no host is named.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
RUN, DEV, INSTALLER = ROOT / "requirements.lock", ROOT / "requirements-dev.lock", ROOT / ".ci" / "installer.lock"
OLDEST = "3.11"
HEADER = "# Written by `make lock`; names packages, versions and hashes, and no address (docs/adr/0005).\n"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,._-]+\])?==(\S+)", re.MULTILINE)


def compile_lock(target: Path, *sources: str, stdin: str | None = None, upgrade: bool) -> None:
    """Resolve for every system and Python that the project supports."""
    command = [str(UV), "pip", "compile", "--universal", "--python-version", OLDEST, "--generate-hashes", "--quiet"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "-o", str(target)]
    command += ["--upgrade"] if upgrade else []
    subprocess.run([*command, *sources], cwd=ROOT, check=True, input=stdin, text=True, stdout=subprocess.DEVNULL)
    target.write_text(HEADER + target.read_text().removeprefix(HEADER))


def pins(path: Path) -> dict[str, str]:
    """Return package → version of a lock file."""
    return {name.lower().replace("_", "-"): version for name, version in PIN.findall(path.read_text())}


def faults() -> list[str]:
    """Return what is wrong with the committed files."""
    found = []
    for path in (RUN, DEV, INSTALLER):
        text = path.read_text()
        if re.search(r"://|^\s*-|@ ", re.sub(r"^\s*--hash=sha256:[0-9a-f]{64}( \\)?$", "", text, flags=re.MULTILINE)):
            found.append(f"{path.name} names an address or an option")
        blocks = re.split(r"\n(?=[a-z0-9])", text)
        found += [f"{path.name}: no hash for {b.split()[0]}" for b in blocks if PIN.match(b) and "--hash=" not in b]
    run, dev = pins(RUN), pins(DEV)
    found += [f"{name} {version} differs in {DEV.name}" for name, version in run.items() if dev.get(name) != version]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {RUN: [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]}
    asked[DEV] = [*asked[RUN], *project["dependency-groups"]["dev"]]
    for path, wanted in asked.items():
        names = {re.split(r"[^A-Za-z0-9._-]", item)[0].lower().replace("_", "-") for item in wanted}
        found += [f"{name} is not in {path.name}: run make lock" for name in sorted(names - set(pins(path)))]
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not options.check:
        compile_lock(INSTALLER, "-", stdin="uv", upgrade=options.upgrade)
        compile_lock(RUN, "pyproject.toml", "--group", "build", upgrade=options.upgrade)
        groups = ("--group", "build", "--group", "dev")
        compile_lock(DEV, "pyproject.toml", *groups, "--constraint", RUN.name, upgrade=options.upgrade)
    if wrong := faults():
        sys.exit("\n".join(wrong))
    print(f"{len(pins(RUN))} packages to run, {len(pins(DEV))} to develop, all pinned with hashes, no address")


if __name__ == "__main__":
    main()
