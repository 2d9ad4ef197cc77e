"""Who runs which store, channel and app: the organisation register, read strictly from one TOML file.

Decision: the strict reading of policy files (PolicyError, strict_text, Section) stands here, in the lowest part that
reads one; access/ uses it for its own register. A file is refused for anything that an editor or a careless paste
can bring in unseen (BOM, carriage return, invisible character), and for every key that nobody asks for.
Price: this file holds a small reader beside the register, and a file with Windows line ends has to be saved again.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from member_hub import resources
from member_hub.errors import BadInput, Misconfigured
from member_hub.settings import Settings

FILE = "organisation.toml"
CHANNELS: Final = ("website", "app", "store")
FILE_BYTES_MAX = 1 << 20
LABEL_CHARS_MAX = 400
HANDLERS_MAX = 50
AGREEMENTS_MAX = 100
REGIONS_MAX = 500
STORES_MAX = 10_000
APPS_MAX = 200
NAMESPACES_MAX = 100
OWN_STORES_MONTHS: Final = (6, 12, 24)  # no two differ by one character: a slip must not widen anybody's reach

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_TOML_LINE = re.compile(r"\(at line (\d+)")


class PolicyError(Misconfigured):
    """A policy file was refused; nothing of it holds. Names the file, the line (0: the whole file) and the reason."""

    code = "POLICY_REFUSED"

    def __init__(
        self,
        file: str,
        line: int,
        reason: str,
        *,
        remedy: str = "Correct it, and check it again with `member-hub policy check`.",
    ) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        place = f"{file}, line {line}" if line else file
        super().__init__(f"{place}: {reason}.", remedy=remedy)


class UnknownPlace(BadInput):
    zh = "门店或渠道不在组织登记中。"
    en = "The organisation register does not know this store or channel."


@dataclass(frozen=True, slots=True)
class Handler:
    """A legal entity that answers for personal information (PIPL 73(1))."""

    name: str
    zh: str
    en: str
    contact: str  # where members turn to about their information (PIPL 17)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Handlers that jointly decide on purposes and means (PIPL 20): members may be merged across them."""

    handlers: frozenset[str]
    reference: str


@dataclass(frozen=True, slots=True)
class ChannelEntry:
    """A channel and the name spaces of its accounts: the site, the appids, the card's brand."""

    name: str
    handler: str
    namespaces: tuple[str, ...]
    open_platform: str | None  # in whose name space unionids are one person


@dataclass(frozen=True, slots=True)
class Region:
    name: str
    handler: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Store:
    name: str
    region: str
    handler: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class App:
    """An internal application that asks the hub, and the one role in which it acts."""

    name: str
    role: str
    handler: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """The whole register; immutable, so that one object serves every request."""

    handlers: Mapping[str, Handler]
    agreements: tuple[Agreement, ...]
    channels: Mapping[str, ChannelEntry]
    regions: Mapping[str, Region]
    stores: Mapping[str, Store]
    apps: Mapping[str, App]
    own_stores_months: int
    _by_region: Mapping[str, frozenset[str]]

    def region_of(self, store: str) -> str:
        """Raises UnknownPlace for a store that is not registered."""
        if store not in self.stores:
            raise UnknownPlace
        return self.stores[store].region

    def stores_of(self, region: str) -> frozenset[str]:
        """The stores of a region; none where the region is not registered."""
        return self._by_region.get(region, frozenset())

    def handler_of(self, place: str) -> str:
        """The handler of a store or a channel. Raises UnknownPlace for anything else."""
        found = self.stores.get(place) or self.channels.get(place)
        if found is None:
            raise UnknownPlace
        return found.handler


def of(settings: Settings) -> Organisation:
    return load(file_of(settings))


def file_of(settings: Settings) -> Path:
    """The operator's register where the policy folder has one, else the one that came with the product."""
    theirs = settings.policy_dir / FILE if settings.policy_dir else None
    return theirs if theirs and theirs.exists() else resources.folder("policies") / FILE


def load(path: Path) -> Organisation:
    """Read the register; whatever is unknown, missing, doubled or too many stops it with PolicyError."""
    return check(read_toml(path))


def check(top: "Section") -> Organisation:
    top.only("own_stores_months", "agreements", "handlers", "channels", "regions", "stores", "apps")
    handlers = {name: _handler(name, s) for name, s in top.tables("handlers", HANDLERS_MAX)}
    regions = {name: _region(name, s, handlers) for name, s in top.tables("regions", REGIONS_MAX)}
    stores = {name: _store(name, s, regions) for name, s in top.tables("stores", STORES_MAX)}
    by_region = {region: frozenset(s.name for s in stores.values() if s.region == region) for region in regions}
    return Organisation(
        handlers=MappingProxyType(handlers),
        agreements=tuple(_agreement(s, handlers) for s in top.sections("agreements", AGREEMENTS_MAX)),
        channels=MappingProxyType(_channels(top, handlers)),
        regions=MappingProxyType(regions),
        stores=MappingProxyType(stores),
        apps=MappingProxyType({name: _app(name, s, handlers) for name, s in top.tables("apps", APPS_MAX)}),
        own_stores_months=_months(top),
        _by_region=MappingProxyType(by_region),
    )


def _months(top: "Section") -> int:
    months = top.number("own_stores_months", min(OWN_STORES_MONTHS), max(OWN_STORES_MONTHS))
    if months not in OWN_STORES_MONTHS:
        raise top.refused("own_stores_months", f"'own_stores_months' is one of {_listed(OWN_STORES_MONTHS)}")
    return months


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _handler(name: str, section: "Section") -> Handler:
    section.only("zh", "en", "contact")
    return Handler(name, section.text("zh"), section.text("en"), section.text("contact"))


def _agreement(section: "Section", handlers: Mapping[str, Handler]) -> Agreement:
    section.only("handlers", "reference")
    named = section.texts("handlers", HANDLERS_MAX)
    if len(named) < 2:
        raise section.refused("handlers", "an agreement names at least two handlers")
    for name in named:
        section.known("handlers", name, handlers)
    return Agreement(frozenset(named), section.text("reference"))


def _region(name: str, section: "Section", handlers: Mapping[str, Handler]) -> Region:
    section.only("handler", "zh", "en")
    return Region(name, section.one_of("handler", handlers), section.text("zh"), section.text("en"))


def _store(name: str, section: "Section", regions: Mapping[str, Region]) -> Store:
    section.only("region", "zh", "en")
    if name in CHANNELS:
        raise section.refused("", "a store cannot bear the name of a channel")
    region = section.one_of("region", regions)
    return Store(name, region, regions[region].handler, section.text("zh"), section.text("en"))


def _app(name: str, section: "Section", handlers: Mapping[str, Handler]) -> App:
    section.only("role", "handler", "zh", "en")
    handler = section.one_of("handler", handlers)
    return App(name, section.text("role"), handler, section.text("zh"), section.text("en"))


def _channels(top: "Section", handlers: Mapping[str, Handler]) -> dict[str, ChannelEntry]:
    found = dict(top.tables("channels", len(CHANNELS)))
    if set(found) != set(CHANNELS):
        raise top.refused("channels", f"the channels are {', '.join(CHANNELS)}, each of them once")
    return {name: _channel(name, section, handlers) for name, section in found.items()}


def _channel(name: str, section: "Section", handlers: Mapping[str, Handler]) -> ChannelEntry:
    section.only("handler", "namespaces", *(["open_platform"] if name == "app" else []))
    namespaces = section.texts("namespaces", NAMESPACES_MAX)
    if not namespaces:
        raise section.refused("namespaces", "a channel has at least one name space")
    platform = section.text("open_platform") if name == "app" else None
    return ChannelEntry(name, section.one_of("handler", handlers), namespaces, platform)


def strict_text(path: Path) -> str:
    """The text of a policy file: UTF-8, line feeds, nothing invisible, no more than 1 MiB."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(path.name, 0, f"cannot be read ({error.strerror})") from error
    return strict(path.name, raw)


def strict(file: str, raw: bytes) -> str:
    """The text of what a file holds, under the same rules."""
    if len(raw) > FILE_BYTES_MAX:
        raise PolicyError(file, 0, "is larger than 1 MiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(file, raw[: error.start].count(b"\n") + 1, "is not UTF-8") from error
    if not text.endswith("\n"):
        raise PolicyError(file, text.count("\n") + 1, "the last line does not end: the file may be cut off")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.isprintable() and (reason := _unprintable(line)):
            raise PolicyError(file, number, reason)
    return text


def _unprintable(line: str) -> str | None:
    if "\ufeff" in line:
        return "holds a byte order mark; save the file without it"
    if "\r" in line:
        return "ends in a carriage return; save the file with line feeds"
    hidden = next((c for c in line if not c.isprintable()), None)
    return f"holds the invisible character U+{ord(hidden):04X} ({unicodedata.category(hidden)})" if hidden else None


def read_toml(path: Path) -> "Section":
    """The top table of a strictly read TOML file."""
    return toml(path.name, strict_text(path))


def toml(file: str, text: str) -> "Section":
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise PolicyError(file, 0, "is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        raise PolicyError(file, int(found.group(1)) if found else 0, f"is not TOML: {error}") from error
    return Section(file, text, "", values)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a policy file, read strictly: each value is asked for by name and kind, or refused."""

    file: str
    source: str
    where: str
    values: Mapping[str, object]

    def only(self, *keys: str) -> None:
        """Exactly these keys, all of them."""
        for key in self.values:
            if key not in keys:
                raise self.refused(key, f"unknown key {key!r}")
        for key in keys:
            if key not in self.values:
                raise self.refused("", f"the key {key!r} is missing")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= LABEL_CHARS_MAX or value != value.strip():
            raise self.refused(key, f"{key!r} has to be a text of 1 to {LABEL_CHARS_MAX} characters, without margins")
        return value

    def one_of(self, key: str, choices: Mapping[str, object]) -> str:
        value = self.text(key)
        self.known(key, value, choices)
        return value

    def known(self, key: str, value: str, choices: Mapping[str, object]) -> None:
        if value not in choices:
            raise self.refused(key, f"{value!r} is not registered")

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """A list of different texts; may be empty."""
        values = self.values.get(key)
        if not isinstance(values, list) or len(values) > most:
            raise self.refused(key, f"{key!r} has to be a list of at most {most} texts")
        found = tuple(v for v in values if isinstance(v, str) and 0 < len(v) <= LABEL_CHARS_MAX and v == v.strip())
        if len(found) != len(values) or len(set(found)) != len(found):
            raise self.refused(key, f"{key!r} has to hold texts, each once")
        return found

    def number(self, key: str, least: int, most: int) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.refused(key, f"{key!r} has to be a whole number from {least} to {most}")
        return value

    def tables(self, key: str, most: int) -> Iterator[tuple[str, "Section"]]:
        """The named tables below `key`, at least one."""
        values = self.values.get(key)
        if not isinstance(values, dict) or not 0 < len(values) <= most:
            raise self.refused(key, f"{key!r} has to hold 1 to {most} tables")
        for name, value in values.items():
            section = Section(self.file, self.source, f"{key}.{name}", value if isinstance(value, dict) else {})
            if not isinstance(value, dict) or not _ID.fullmatch(name):
                raise section.refused("", f"{name!r} is not a table with a plain name")
            yield name, section

    def sections(self, key: str, most: int) -> Iterator["Section"]:
        """The tables of a list; may be none."""
        values = self.values.get(key)
        if not isinstance(values, list) or len(values) > most:
            raise self.refused(key, f"{key!r} has to be a list of at most {most} tables")
        for number, value in enumerate(values):
            section = Section(self.file, self.source, f"{key}#{number}", value if isinstance(value, dict) else {})
            if not isinstance(value, dict):
                raise section.refused("", "is not a table")
            yield section

    def refused(self, key: str, reason: str) -> PolicyError:
        return PolicyError(self.file, self._line(key), f"[{self.where}] {reason}" if self.where else reason)

    def _line(self, key: str) -> int:
        """The line where `key` of this table stands, else its header's, else 0: tomllib keeps no positions."""
        lines = self.source.split("\n")
        name, _, index = self.where.partition("#")
        headers = [n for n, line in enumerate(lines) if line.strip() in (f"[{name}]", f"[[{name}]]")] if name else [-1]
        nth = int(index or 0)
        if nth >= len(headers):
            return 0
        start = headers[nth]
        for number in range(start + 1, len(lines)):
            if lines[number].lstrip().startswith("[") and name:
                break
            if key and re.match(rf"\s*\[*\"?{re.escape(key)}\b", lines[number]):
                return number + 1
        return start + 1
