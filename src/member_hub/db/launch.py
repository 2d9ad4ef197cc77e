"""Run as a program of its own: take on the server's identity, tie life to the parent's, become the command.

    python -I -S launch.py RUN_AS PARENT_PID SIGNAL COMMAND...
    python -I -S launch.py RUN_AS PARENT_PID SIGNAL --probe PATH...

Context: the server must be a direct child that dies with the hub, and PostgreSQL refuses to run as root. Decision: a
launcher that `exec`s, so that the child's process id stays the server's, instead of `preexec_fn`, which may hang in a
program with threads. It imports the standard library only, because `-I -S` keeps everything else out, and it asks for
the signal of the parent's death last, because changing the identity cancels that. Price: some 20 ms per start, and
Linux only.
"""

import ctypes
import os
import pwd
import sys
import tempfile
from enum import StrEnum

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NAMESPACE_ID = 1000  # what the server sees as its own user and group inside the namespace; anything but 0
NOBODY_ID = 65534  # where the machine has no user of that name
UNUSABLE = 3
ORPHANED = 4


class RunAs(StrEnum):
    """Whose rights the server has."""

    SAME_USER = "same user"
    NAMESPACE = "user namespace"
    NOBODY = "nobody"


def main(arguments: list[str]) -> None:
    run_as, parent, signal, *command = arguments
    os.umask(0o077)
    _become(RunAs(run_as))
    _die_with(int(parent), int(signal))
    if command[0] == "--probe":
        _probe(command[1:])
    else:
        os.execv(command[0], command)  # noqa: S606


def nobody() -> tuple[int, int]:
    """User and group id of `nobody`."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY_ID, NOBODY_ID
    return entry.pw_uid, entry.pw_gid


def _become(run_as: RunAs) -> None:
    if run_as is RunAs.NAMESPACE:
        _enter_namespace()
    elif run_as is RunAs.NOBODY:
        user, group = nobody()
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)


def _enter_namespace() -> None:
    """The same user on the machine, another number inside, and no privilege left after `exec`."""
    user, group = os.geteuid(), os.getegid()
    _libc("unshare", CLONE_NEWUSER)
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NAMESPACE_ID} {user} 1"),
        ("gid_map", f"{NAMESPACE_ID} {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as out:
            out.write(text)


def _die_with(parent: int, signal: int) -> None:
    _libc("prctl", PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:  # it died before we could ask to be told
        sys.exit(ORPHANED)


def _libc(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # prctl takes unsigned longs; said explicitly because it is variadic.
    if getattr(libc, function)(*(ctypes.c_ulong(a) for a in arguments)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


def _probe(paths: list[str]) -> None:
    """Exit 0 if PostgreSQL would accept this identity, which can write into the folders and run the programs."""
    if os.geteuid() == 0 or not all(map(_usable, paths)):
        sys.exit(UNUSABLE)


def _usable(path: str) -> bool:
    try:
        if os.path.isdir(path):  # noqa: PTH112  pathlib would cost a third of the launcher's start
            with tempfile.TemporaryFile(dir=path):
                return True
        return os.access(path, os.X_OK)
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
