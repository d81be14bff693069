"""Makes `.venv` from the lock files; does nothing when it is up to date. Standard library only.

`python .ci/bootstrap.py [--dev]`. The package index is the one that pip is configured for (environment, pip.conf).
"""

import argparse
import ast
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "ownercare.json"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
INSTALLER_LOCK = ROOT / ".ci" / "installer.lock"

NO_VENV = """\
This Python can't make virtual environments: {python}
  On Debian and Ubuntu the piece is packaged apart:  apt install python3-venv   (or python{version}-venv)
  or name another Python:                            make run PYTHON=/path/to/python3.12
"""
NOT_INSTALLED = """\
The packages could not be installed; the message above says why.
Behind a mirror or a proxy, configure pip as usual (PIP_INDEX_URL, pip.conf, HTTPS_PROXY): it is honoured.
"""


def fingerprint(kind: str) -> str:
    """Return what an environment depends on: the lock, the project's own metadata, the place and the interpreter."""
    digest = hashlib.sha256(f"{ROOT}\0{sys.version_info[:2]}".encode())
    for path in (LOCKS[kind], ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def ready(kind: str) -> bool:
    """Say whether the environment has what this kind needs; one made for developing also serves for running."""
    try:
        stamp = json.loads(STAMP.read_text())
        return PYTHON.exists() and any(stamp.get(name) == fingerprint(name) for name in {kind, "dev"})
    except (OSError, ValueError):
        return False


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def run(*command: str | Path, env: Mapping[str, str] | None = None, quiet: bool = False) -> bool:
    """Run a command; returns whether it succeeded."""
    sink = subprocess.DEVNULL if quiet else None
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
    )
    return done.returncode == 0


def make_venv() -> None:
    """Make an empty environment with pip, or stop with what to do about it."""
    if not PYTHON.exists() and VENV.exists():
        shutil.rmtree(VENV)  # its interpreter is gone
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = VENV / "lib" / f"python{version}" / "site-packages" / "pip"
    if found.is_dir() and run(PYTHON, "-c", "import pip", quiet=True):
        return
    say(f"Making .venv with Python {version} …")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        said = f"{made.stdout}{made.stderr}"
        if "ensurepip" in said or "No module named" in said:
            sys.exit(NO_VENV.format(python=sys.executable, version=version))
        sys.exit(f"{sys.executable} -m venv failed:\n{said}")


def pip_options(env: Mapping[str, str]) -> dict[str, str]:
    """Return pip's configuration as pip itself sees it: files and environment together."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], env=env, capture_output=True, text=True, check=False
    )
    options: dict[str, str] = {}
    order = ("global.", "install.", ":env:.")  # later ones win, as in pip
    lines = [line.partition("=") for line in listed.stdout.splitlines()]
    for prefix in order:
        for name, _, value in lines:
            if name.startswith(prefix):
                try:
                    options[name.removeprefix(prefix)] = str(ast.literal_eval(value))
                except (SyntaxError, ValueError):
                    continue
    return options


def uv_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which uv uses the same index, mirrors and certificates as pip would."""
    pip = pip_options(env)
    wanted = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_NO_INDEX": "1" if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else "",
        "UV_HTTP_TIMEOUT": pip.get("timeout", "") or pip.get("default-timeout", ""),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # like pip; the hashes in the lock decide what is accepted
        "UV_SYSTEM_CERTS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "VIRTUAL_ENV": str(VENV),
    }
    old_names = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
    chosen = {
        name: value
        for name, value in wanted.items()
        if value and name not in env and old_names.get(name, name) not in env
    }
    return {**env, **chosen, "VIRTUAL_ENV": str(VENV)}


def environment() -> dict[str, str]:
    """Return the environment for pip: no questions, no notices, no leftovers of another environment."""
    strange = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    env = {name: value for name, value in os.environ.items() if name not in strange}
    env.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_ROOT_USER_ACTION="ignore")
    home = Path(env.get("HOME") or "/nonexistent")
    if "UV_CACHE_DIR" not in env and "XDG_CACHE_HOME" not in env and not os.access(home, os.W_OK):
        env.update(UV_NO_CACHE="1", PIP_NO_CACHE_DIR="1")
    return env


def with_uv(lock: Path, env: Mapping[str, str]) -> bool:
    """Install the lock with uv, which takes a fraction of pip's time; returns False where that is not possible."""
    uv = VENV / "bin" / "uv"
    pinned = next(line.split()[0] for line in INSTALLER_LOCK.read_text().splitlines() if line.startswith("uv=="))
    have = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False) if uv.exists() else None
    if have is None or f" {pinned.removeprefix('uv==')}" not in have.stdout:
        pip = (PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:")
        if not run(*pip, "-r", INSTALLER_LOCK, env=env, quiet=True):
            say("uv can't be had from this package index; going on with pip.")
            return False
    env = uv_environment(env)
    sync = (uv, "pip", "sync", "--quiet", "--require-hashes")
    editable = (uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    if run(*sync, lock, env=env) and run(*editable, env=env):
        return True
    say("uv could not install the lock; trying pip.")
    return False


def with_pip(lock: Path, env: Mapping[str, str]) -> bool:
    """Install the lock with pip."""
    pip = (PYTHON, "-m", "pip", "install", "--quiet")
    return run(*pip, "--require-hashes", "-r", lock, env=env) and run(
        *pip, "--no-deps", "--no-build-isolation", "--editable", ROOT, env=env
    )


def install(kind: str) -> None:
    """Bring the environment to the lock file; a second `make` that starts meanwhile waits for this one."""
    guard = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if ready(kind):
            return
        if (VENV / "bin" / "pytest").exists():
            kind = "dev"  # a developer's environment stays one
        make_venv()
        STAMP.unlink(missing_ok=True)
        what = "the application and the developers' tools" if kind == "dev" else "the application"
        say(f"Installing {what} from {LOCKS[kind].name} …")
        env = environment()
        if not with_uv(LOCKS[kind], env) and not with_pip(LOCKS[kind], env):
            sys.exit(NOT_INSTALLED)
        STAMP.write_text(json.dumps({kind: fingerprint(kind)}))
    finally:
        os.close(guard)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also the tools for tests and checks")
    parser.add_argument("--check", action="store_true", help="only say, by the exit code, whether it is up to date")
    options = parser.parse_args()
    kind = "dev" if options.dev else "run"
    if ready(kind):
        return
    if options.check:
        sys.exit(1)
    install(kind)


if __name__ == "__main__":
    main()
