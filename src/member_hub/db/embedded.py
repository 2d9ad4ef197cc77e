"""The hub's own PostgreSQL server: whoever comes first starts it, everybody else on the data folder joins.

Context: a command run beside a served hub must use the same server, two imports started at once as well, and none of
them may stop the server under another. Decision: three locks that the kernel releases when their holder dies, however
it dies. `start.lock` belongs to the process that started the server; whoever joined holds `joined.lock` shared, and
the owner takes it alone before it stops the server. Price: a command that started the server ends only after those
that joined it, except that a served hub told to stop does not wait for them.
"""

import fcntl
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from member_hub.db import cluster, place
from member_hub.db.cluster import LOGIN, Cluster
from member_hub.errors import Misconfigured

DATABASE = "member_hub"
PASSWORD = "password"  # noqa: S105  the file's name
STATE = "server.json"
START_LOCK = "start.lock"
JOINED_LOCK = "joined.lock"
STEP_S = 0.05
JOIN_S = 120  # while another process makes or stops the server
OTHERS_S = 6 * 3600  # how long a command waits for those that joined its server


log = logging.getLogger(__name__)


class AlreadyRunning(Misconfigured):
    """Another process uses this data folder, and this one would need it alone."""


@dataclass(frozen=True, slots=True)
class State:
    """What a running server's owner tells the others, in the data folder."""

    owner_pid: int
    server_pid: int
    socket_dir: str
    how: str  # same user, user namespace, nobody
    version: str
    programs: str
    address: str | None = None  # where a served hub answers


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server, ours or joined."""

    state: State
    password: str = field(repr=False)
    cluster: Cluster | None  # None: joined
    data_dir: Path

    def url(self, database: str = DATABASE) -> str:
        host = quote(self.state.socket_dir, safe="")
        return f"postgresql://{LOGIN}:{self.password}@/{quote(database, safe='')}?host={host}&port={cluster.PORT}"

    def announce(self, address: str) -> None:
        """Tell whoever starts a second hub where this one answers."""
        _write_state(self.data_dir, replace(self.state, address=address))

    def revive(self) -> bool:
        """Start the server again if it died; True if it had. Committed rows are all there, sessions are gone."""
        if self.cluster is None or self.cluster.is_alive:
            return False
        self.cluster.start()
        told = _read_state(self.data_dir) or self.state
        _write_state(self.data_dir, replace(told, server_pid=self.cluster.pid or 0))
        return True


@contextmanager
def server(
    data_dir: Path,
    *,
    alone: bool = False,
    environ: Mapping[str, str] = os.environ,
    options: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start the server of this data folder, or join the one that runs, for the length of the block.

    `alone`: raise AlreadyRunning, with the address, rather than join; and do not wait for others at the end.
    Blocks, and has to be called from the main thread (see cluster.py).
    """
    if sys.platform != "linux":
        raise Misconfigured("The embedded server needs Linux.", remedy="Set MEMBER_HUB_DATABASE_URL.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    start, joined = _lock(data_dir / START_LOCK), _lock(data_dir / JOINED_LOCK)
    try:
        state = _await_turn(data_dir, start, joined, alone=alone)
        if state is not None:
            yield Server(state, _password(data_dir), None, data_dir)
            return
        with _owned(data_dir, environ, options or {}) as started:
            yield started
            if not alone:
                _await_others(joined)
    finally:
        os.close(joined)
        os.close(start)


def running(data_dir: Path) -> State | None:
    """What the owner of a running server told, if there is one. A moment later it may be gone."""
    state = _read_state(data_dir)
    return state if state and _exists(state.server_pid) and Path(state.socket_dir).is_dir() else None


def _await_turn(data_dir: Path, start: int, joined: int, *, alone: bool) -> State | None:
    """The state of the server to join; None when `start` is ours and the server is ours to start."""
    for _ in range(int(JOIN_S / STEP_S)):
        if _take(start, fcntl.LOCK_EX):
            return None
        # Shared, so that the owner cannot stop the server between our looking and our joining.
        if _take(joined, fcntl.LOCK_SH):
            state = running(data_dir)
            if state and alone:
                raise _already_running(data_dir, state)
            if state:
                return state
            fcntl.flock(joined, fcntl.LOCK_UN)
        time.sleep(STEP_S)
    raise Misconfigured(
        f"Another process has been starting or stopping the embedded server for {JOIN_S} s.",
        remedy="See whether it hangs, and end it.",
    )


def _already_running(data_dir: Path, state: State) -> AlreadyRunning:
    if state.address:
        return AlreadyRunning(f"Member Hub runs already on this data folder: {state.address} (pid {state.owner_pid}).")
    return AlreadyRunning(
        f"The process {state.owner_pid} uses the data folder {data_dir} already.",
        remedy="Wait until it is done, or take another MEMBER_HUB_DATA_DIR.",
    )


@contextmanager
def _owned(data_dir: Path, environ: Mapping[str, str], options: Mapping[str, str]) -> Iterator[Server]:
    _forget(data_dir)
    settled = place.settle(data_dir, environ)
    if settled.is_new:
        cluster.make(settled, data_dir, data_dir / PASSWORD)
    _refuse_loose(settled.files, 0o700)
    password = _password(data_dir)
    child = Cluster(settled, data_dir, options)
    try:
        child.start()
        state = State(
            owner_pid=os.getpid(),
            server_pid=child.pid or 0,
            socket_dir=str(child.socket_dir),
            how=settled.run_as,
            version=settled.binaries.version,
            programs=str(settled.binaries.folder),
        )
        _write_state(data_dir, state)
        yield Server(state, password, child, data_dir)
    finally:
        (data_dir / STATE).unlink(missing_ok=True)
        child.stop()


def _await_others(joined: int) -> None:
    if _take(joined, fcntl.LOCK_EX):
        return
    log.warning("Other commands use this server; waiting until they are done.")
    for _ in range(int(OTHERS_S / STEP_S)):
        time.sleep(STEP_S)
        if _take(joined, fcntl.LOCK_EX):
            return
    log.warning("Other commands still use this server; stopping it nevertheless.")


def _password(data_dir: Path) -> str:
    file = data_dir / PASSWORD
    try:
        _refuse_loose(file, 0o600)
        return file.read_text("utf-8")
    except FileNotFoundError:
        raise Misconfigured(
            f"The embedded server's password is missing from {data_dir}.", remedy="Restore the file, or start afresh."
        ) from None


def _refuse_loose(path: Path, mode: int) -> None:
    if path.stat().st_mode & 0o777 & ~mode:
        raise Misconfigured(
            f"{path} is open to others.", remedy=f"Find out who could read it, then chmod {mode:o} {path}"
        )


def _forget(data_dir: Path) -> None:
    """Clear away what an owner that was killed left behind."""
    state = _read_state(data_dir)
    (data_dir / STATE).unlink(missing_ok=True)
    if state and Path(state.socket_dir).name.startswith(cluster.SOCKET_PREFIX):
        shutil.rmtree(state.socket_dir, ignore_errors=True)


def _read_state(data_dir: Path) -> State | None:
    with suppress(FileNotFoundError):
        return State(**json.loads((data_dir / STATE).read_text("utf-8")))
    return None


def _write_state(data_dir: Path, state: State) -> None:
    fresh = data_dir / f"{STATE}.new"
    fresh.write_text(json.dumps(asdict(state)), "utf-8")
    fresh.replace(data_dir / STATE)


def _lock(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def _take(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
