"""One user of an embedded PostgreSQL, as a process of its own: starts it, says so, releases when its stdin closes.

``python embedded_worker.py DATA_DIR [as-user:<uid> | without-namespaces]``
Prints one line of JSON: ``url`` and ``version``, or ``error`` (the class) and ``message``.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from ownercare_api.core.embedded import start
from ownercare_api.core.embedded_binaries import EmbeddedPostgresError

CLONE_NEWUSER = 0x10000000


def forbid_namespaces() -> None:
    """Stay root, with all ordinary users, where no further user namespace may be made: as in most containers."""
    parent = os.getpid()
    ready, go = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{name}").write_text("0 0 65536")
        os._exit(0)
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        raise OSError("no user namespaces")
    os.write(go, b"x")
    os.waitpid(mapper, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")  # of the new namespace only


def main(data_dir: str, how: str = "") -> None:
    """See the module."""
    kind, _, uid = how.partition(":")
    if kind == "as-user":
        os.setgroups([])
        os.setgid(65534)
        os.setuid(int(uid))
    elif kind == "without-namespaces":
        forbid_namespaces()
    try:
        server = start(data_dir=Path(data_dir), settings={"fsync": "off"})
    except EmbeddedPostgresError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}), flush=True)
        return
    print(json.dumps({"url": server.url, "version": server.version}), flush=True)
    sys.stdin.read()
    server.release()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    main(*sys.argv[1:])
