"""What the operator decides, read once from `MEMBER_HUB_*` and passed in; nothing here has a default secret."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from member_hub.errors import Misconfigured
from member_hub.urls import is_safe_url

MODE_FILE = "mode"
MODES_MAX = 50  # databases whose mode the file keeps
EMBEDDED = "embedded"
PORT_MAX = 65535
PROCESSES_MAX = 1_000
PER_S_MAX = 100_000_000
COST_PER_S = 50_000
LOOKUPS_PER_S = 1_000
LOOKUPS_PER_DAY = 2_000
PROXY_HOPS_MAX = 9
CODES_PER_HOUR = 2_000
CODES_PER_HOUR_MAX = 1_000_000

# In an address of a database: user:password@, and ?password=
_LOGIN = re.compile(r"(?<=://)[^/?#]*@|(?<=[?&])password=[^&]*")


class Mode(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Settings:
    mode: Mode
    database_url: str | None = field(repr=False)  # holds a password; None: the embedded server
    data_dir: Path
    key_dir: Path
    ledger_dir: Path
    port: int
    policy_dir: Path | None  # None: the policies that came with the product
    debug: bool
    operations_dir: Path | None = None  # None: the documents that came with the product
    processes: int = 1  # that serve this hub; each keeps its share of the limits below
    cost_per_s: int = COST_PER_S  # of one app; a person has a hundredth
    lookups_per_s: int = LOOKUPS_PER_S  # members sought by key by one app; a person has a thousandth
    lookups_per_day: int = LOOKUPS_PER_DAY  # of one person, in any 24 hours
    sign_in: Path | None = None  # the file that names the authorisation servers; None: there are none
    sender_url: str | None = None  # where codes and notices are handed over; None: the console, in development
    sender_secret_file: Path | None = None
    codes_per_hour: int = CODES_PER_HOUR  # sent by the whole hub
    notice_url: str | None = None  # where members read the privacy notice
    proxy_hops: int | None = None  # how many proxies of one's own add to X-Forwarded-For; None: not stated

    @property
    def is_production(self) -> bool:
        return self.mode is Mode.PRODUCTION

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read every `MEMBER_HUB_*` variable. Raises Misconfigured, naming the variable, never its value."""
        data_dir = _data_dir(environ)
        return cls(
            mode=_mode(environ, data_dir),
            database_url=environ.get("MEMBER_HUB_DATABASE_URL") or None,
            data_dir=data_dir,
            key_dir=Path(environ.get("MEMBER_HUB_KEY_DIR") or ".member-hub/keys").absolute(),
            ledger_dir=Path(environ.get("MEMBER_HUB_LEDGER_DIR") or ".member-hub/ledger").absolute(),
            port=_port(environ.get("MEMBER_HUB_PORT") or "8000"),
            policy_dir=Path(p).absolute() if (p := environ.get("MEMBER_HUB_POLICY_DIR")) else None,
            debug=_is_debug(environ.get("MEMBER_HUB_LOG") or "info"),
            operations_dir=Path(o).absolute() if (o := environ.get("MEMBER_HUB_OPERATIONS_DIR")) else None,
            processes=_number(environ, "MEMBER_HUB_PROCESSES", 1, PROCESSES_MAX),
            cost_per_s=_number(environ, "MEMBER_HUB_COST_PER_S", COST_PER_S, PER_S_MAX),
            lookups_per_s=_number(environ, "MEMBER_HUB_LOOKUPS_PER_S", LOOKUPS_PER_S, PER_S_MAX),
            lookups_per_day=_number(environ, "MEMBER_HUB_LOOKUPS_PER_DAY", LOOKUPS_PER_DAY, PER_S_MAX),
            sign_in=Path(p).absolute() if (p := environ.get("MEMBER_HUB_SIGN_IN")) else None,
            sender_url=environ.get("MEMBER_HUB_SENDER_URL") or None,
            sender_secret_file=Path(p).absolute() if (p := environ.get("MEMBER_HUB_SENDER_SECRET_FILE")) else None,
            codes_per_hour=_number(environ, "MEMBER_HUB_CODES_PER_HOUR", CODES_PER_HOUR, CODES_PER_HOUR_MAX),
            notice_url=_public_url(environ, "MEMBER_HUB_NOTICE_URL"),
            proxy_hops=_number(environ, "MEMBER_HUB_PROXY_HOPS", 0, PROXY_HOPS_MAX, least=0)
            if environ.get("MEMBER_HUB_PROXY_HOPS")
            else None,
        )


def keep_development(environ: Mapping[str, str] = os.environ) -> None:
    """What `member-hub run` does first: write development into the data folder, unless the variable says otherwise.

    It holds for the database that `run` was given, and for no other that a later command is pointed at.
    """
    if environ.get("MEMBER_HUB_MODE"):
        return
    data_dir = _data_dir(environ)
    where, kept = _where(environ), _kept(data_dir)
    if where not in kept:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [f"{mode} {of}\n" for of, mode in (*kept.items(), (where, Mode.DEVELOPMENT))]
        (data_dir / MODE_FILE).write_text("".join(lines[-MODES_MAX:]), "ascii")


def _data_dir(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("MEMBER_HUB_DATA_DIR") or ".member-hub/data").absolute()


def _mode(environ: Mapping[str, str], data_dir: Path) -> Mode:
    """The variable; else what `member-hub run` wrote into the data folder for this database; else production."""
    said = environ.get("MEMBER_HUB_MODE") or _kept(data_dir).get(_where(environ), Mode.PRODUCTION)
    try:
        return Mode(said)
    except ValueError:
        raise Misconfigured(
            "MEMBER_HUB_MODE is neither production nor development.", remedy="Set it to one of the two."
        ) from None


def _kept(data_dir: Path) -> dict[str, str]:
    """The mode of each database that `member-hub run` was given here; a mode by itself is the embedded one's."""
    file = data_dir / MODE_FILE
    lines = file.read_text("ascii").splitlines() if file.is_file() else []
    said = (line.partition(" ") for line in lines[-MODES_MAX:])
    return {where or EMBEDDED: mode for mode, _, where in said}


def _where(environ: Mapping[str, str]) -> str:
    """A name for the database; without the login, whose password may change and may not be guessed from it."""
    url = environ.get("MEMBER_HUB_DATABASE_URL")
    return sha256(_LOGIN.sub("", url).encode()).hexdigest() if url else EMBEDDED


def _port(said: str) -> int:
    if not said.isascii() or not said.isdecimal() or not 0 <= int(said) <= PORT_MAX:
        raise Misconfigured("MEMBER_HUB_PORT is not a port number.", remedy="Use 1 to 65535 (0: any free port).")
    return int(said)


def _is_debug(said: str) -> bool:
    if said.lower() not in ("info", "debug"):
        raise Misconfigured("MEMBER_HUB_LOG is neither info nor debug.", remedy="Set it to one of the two.")
    return said.lower() == "debug"


def _number(environ: Mapping[str, str], name: str, default: int, most: int, *, least: int = 1) -> int:
    said = environ.get(name) or str(default)
    if not said.isascii() or not said.isdecimal() or not least <= int(said) <= most:
        raise Misconfigured(f"{name} is not a number that fits.", remedy=f"Use {least} to {most}.")
    return int(said)


def _public_url(environ: Mapping[str, str], name: str) -> str | None:
    """An address that members open where they are: on their own machine the hub is not."""
    said = environ.get(name) or None
    if said is not None and not (said.startswith("https://") and is_safe_url(said)):
        raise Misconfigured(f"{name} is no https address, or holds a login.", remedy="Use https://..., in ASCII.")
    return said
