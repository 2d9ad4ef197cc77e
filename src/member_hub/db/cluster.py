"""One PostgreSQL server as a child process: made by initdb, started, awaited, stopped.

The server listens on a private socket only, asks for a password, writes no statement and no value into its log, and
is told by the kernel to stop when the hub dies. That signal means "immediately" rather than "fast": no checkpoint
stands between the hub's death and the server's. Price: the next start replays the log, which loses nothing.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from member_hub.db import place
from member_hub.db.launch import RunAs
from member_hub.db.place import Place
from member_hub.errors import Misconfigured

LOGIN = "member_hub"
PORT = 5432  # only part of the socket's name
LOG = "server.log"
LOG_BYTES_MAX = 10_000_000
SOCKET_PREFIX = "mh-"
SOCKET_PATH_BYTES_MAX = 103
STEP_S = 0.02
READY_S = 120  # a crash is replayed first
STOP_S = 30
STALE_TRIES = 100  # times 0.1 s, while the last one's backends still end
INITDB_S = 300
CONNECTIONS_MAX = 60

OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": str(CONNECTIONS_MAX),
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiles longer than our statements run
    "logging_collector": "off",
    "log_destination": "stderr",
    # Nothing below may carry a personal value: an error's text names the value that did not fit, its detail the key
    # that was there already. Whoever sent the statement gets both.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class Cluster:
    """The child process and its socket. Started from the main thread: the kernel watches the thread that forks."""

    def __init__(self, settled: Place, data_dir: Path, options: Mapping[str, str]) -> None:
        self.place = settled
        self.socket_dir = _private_dir(settled)
        self._log = data_dir / LOG
        self._options = {**OPTIONS, **options}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until connections are taken; retry while an earlier server still ends."""
        for _ in range(STALE_TRIES):
            written = _size(self._log)
            self._spawn()
            if self._await_ready():
                return
            if not _says_stale(self._log, written):
                break
            time.sleep(0.1)
        self.stop()
        raise Misconfigured("The embedded PostgreSQL server does not start.", remedy=f"Its log says why: {self._log}")

    def stop(self) -> None:
        """End the server: rolled back what is open, everything committed on disk. Twice is the same as once."""
        process = self._process
        if process is not None:
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                if process.poll() is not None:
                    break
                process.send_signal(how)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    continue
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _spawn(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the server would die with this thread")
        _rotate(self._log)
        options = {**self._options, "unix_socket_directories": str(self.socket_dir)}
        command = [
            *place.launcher(self.place.run_as, signal=signal.SIGQUIT),
            self.place.binaries.program("postgres"),
            "-D",
            str(self.place.files),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]
        with open(self._log, "ab", opener=_private) as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the hub, which then stops the server
            )

    def _await_ready(self) -> bool:
        """True once the server's own status file says so; False when it ended instead."""
        status = self.place.files / "postmaster.pid"
        for _ in range(int(READY_S / STEP_S)):
            if not self.is_alive:
                return False
            lines = _lines(status)
            # Line 1 is the process id, line 8 the state; the file may be half written, or an earlier server's.
            if len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(STEP_S)
        return False


def make(settled: Place, data_dir: Path, password_file: Path) -> None:
    """Make the server's files by initdb: all of them or none."""
    password = secrets.token_urlsafe(32)
    fresh = settled.files.with_name(f"{settled.files.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)  # what a crash left
    fresh.mkdir(mode=0o700)
    place.give(fresh, settled.run_as)
    _write_private(password_file, password)
    try:
        _initdb(settled, fresh, password)
        fresh.rename(settled.files)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if settled.files.parent != data_dir:
        _write_private(data_dir / place.POINTER, str(settled.files))


def _initdb(settled: Place, files: Path, password: str) -> None:
    private = _private_dir(settled)
    secret = private / "password"
    command = [
        *place.launcher(settled.run_as, signal=signal.SIGKILL),
        settled.binaries.program("initdb"),
        *("-D", str(files), "-U", LOGIN, f"--pwfile={secret}", "--auth=scram-sha-256", "--data-checksums"),
        *("--locale=C", "--encoding=UTF8", "--no-instructions"),
        *(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if settled.binaries.major >= 17 else []),
    ]
    try:
        _write_private(secret, password)
        place.give(secret, settled.run_as)
        done = subprocess.run(
            command, env=_environment(), cwd="/", capture_output=True, text=True, timeout=INITDB_S, check=False
        )
    finally:
        shutil.rmtree(private)
    if done.returncode != 0:
        raise Misconfigured("initdb failed.", remedy=f"It says: {done.stderr.strip()[-500:]}")


def _environment() -> dict[str, str]:
    """Nothing of the caller's: no PG* variable, and no locale, which may not be installed."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _private_dir(settled: Place) -> Path:
    """A short private folder of the server's user: a socket's path is 103 bytes at most.

    `nobody` may not enter a TMPDIR of root's, but everybody may enter /tmp.
    """
    parent = Path(tempfile.gettempdir())
    longest = parent / f"{SOCKET_PREFIX}12345678" / f".s.PGSQL.{PORT}"
    if settled.run_as is RunAs.NOBODY or len(os.fsencode(longest)) > SOCKET_PATH_BYTES_MAX:
        parent = Path("/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
    folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=parent))
    place.give(folder, settled.run_as)
    return folder


def _says_stale(log: Path, since: int) -> bool:
    """Whether the server refused because an earlier one on the same files has not ended yet."""
    with open(log, "rb") as file:
        file.seek(since)
        said = file.read(100_000)
    return b"postmaster.pid" in said or b"shared memory block" in said


def _rotate(log: Path) -> None:
    if _size(log) > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").split("\n")
    except FileNotFoundError:
        return []


def _write_private(file: Path, text: str) -> None:
    with open(file, "w", encoding="utf-8", opener=_private) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
