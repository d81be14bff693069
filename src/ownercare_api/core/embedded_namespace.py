"""Starts one PostgreSQL program under an identity it accepts; run as a script, standard library only.

PostgreSQL refuses to run as root, and ``initdb`` refuses a user without a passwd entry. In a user namespace of
its own the program sees another user id, while files still belong to who started it: nothing is chowned.

``python embedded_namespace.py IDENTITY FOLDER LOCK PROGRAM [ARGUMENT ...]``

* IDENTITY: ``self``, ``namespace:<uid seen inside>`` or ``user:<uid>:<gid>`` (root only).
* FOLDER: the working directory, entered under that identity.
* LOCK: empty to run in the foreground. Otherwise a file: an exclusive flock on it is inherited by the program and
  by its children, which run in the background, so the lock is free exactly when the last of them has gone.
"""

import ctypes
import fcntl
import os
import sys

CLONE_NEWUSER = 0x10000000
REFUSED = 77  # exit status: the identity was refused
UNREACHABLE = 78  # the identity may not enter the folder
LOCKED = 79  # another program holds the lock
NOT_RUNNABLE = 126  # the identity may not execute the program


def enter_namespace(inside: int, /) -> None:
    """Move this process to a user namespace where it is user ``inside``; OSError where that is refused."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        raise OSError("no user namespaces on this system")
    if libc.unshare(CLONE_NEWUSER) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    for name, text in (
        ("setgroups", "deny"),  # the kernel's condition for an unprivileged gid_map
        ("uid_map", f"{inside} {uid} 1"),
        ("gid_map", f"{inside} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def assume(identity: str, /) -> None:
    """Become ``identity``; OSError where that is refused."""
    kind, *ids = identity.split(":")
    if kind == "namespace":
        enter_namespace(int(ids[0]))
    elif kind == "user":
        os.setgroups([])
        os.setgid(int(ids[1]))
        os.setuid(int(ids[0]))


def fail(status: int, what: str, error: OSError, /) -> int:
    """Say why on stderr, which is the caller's log; return the exit status."""
    sys.stderr.write(f"{what}: {error}\n")
    sys.stderr.flush()
    return status


def main(identity: str, folder: str, lock: str, *command: str) -> int:
    """Replace this process, or with a lock its background child, by ``command``; return only on failure."""
    os.umask(0o077)
    if lock:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return fail(LOCKED, lock, error)
        os.set_inheritable(descriptor, True)
    try:
        assume(identity)
    except OSError as error:
        return fail(REFUSED, identity, error)
    try:
        os.chdir(folder)
    except OSError as error:
        return fail(UNREACHABLE, folder, error)
    # Forked once more, the server is nobody's child here: no zombie, and no process group that a Ctrl-C reaches.
    if lock and os.fork() != 0:
        return 0
    try:
        os.execv(command[0], command)  # noqa: S606  no shell is meant
    except OSError as error:
        return fail(NOT_RUNNABLE, command[0], error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
