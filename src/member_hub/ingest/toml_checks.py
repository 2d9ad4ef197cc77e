"""Reading a TOML table strictly: what is not asked for is refused, with the file, the key and the reason.

The organisation register has a reader of its own, for files in which every key has to stand; in a mapping most
keys may be left out, and the keys themselves are words of a list.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from member_hub.errors import Misconfigured

FILE_MAX_BYTES = 256 * 1024


class Table:
    """One TOML table. Every key has to be taken once; `close` refuses what is left."""

    def __init__(self, where: str, content: Mapping[str, Any]) -> None:
        self.where = where
        self._left = dict(content)

    def refuse(self, key: str, why: str) -> Misconfigured:
        return Misconfigured(f"{self.where}{key}: {why}.", remedy="Correct the mapping file.")

    def text(self, key: str, default: str | None = None, *, among: Collection[str] | None = None) -> str:
        """A text that is not empty. Without a default the key is required."""
        value = self._left.pop(key, default)
        if value is None:
            raise self.refuse(key, "is missing")
        if not isinstance(value, str) or not value:
            raise self.refuse(key, "is not a text")
        if among is not None and value not in among:
            raise self.refuse(key, f"is not one of {', '.join(sorted(among))}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts; empty where the key is missing."""
        value = self._left.pop(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise self.refuse(key, "is neither a text nor a list of texts")
        return tuple(found)

    def table(self, key: str) -> "Table":
        """A table inside; an empty one where the key is missing."""
        value = self._left.pop(key, {})
        if not isinstance(value, dict):
            raise self.refuse(key, "is not a table")
        return Table(f"{self.where}{key}.", value)

    def keys(self, among: Collection[str]) -> tuple[str, ...]:
        """The keys that are left; any outside `among` is refused."""
        for key in self._left:
            if key not in among:
                raise self.refuse(key, f"is an unknown word; known are {', '.join(sorted(among))}")
        return tuple(self._left)

    def words(self) -> dict[str, str]:
        """Everything that is left, as text to text."""
        return {key: self.text(key) for key in tuple(self._left)}

    def close(self) -> None:
        for key in self._left:
            raise self.refuse(key, "is an unknown word")


def read(path: Path) -> tuple[Table, bytes]:
    """The file as a table, and its bytes. Raises Misconfigured where it is no TOML."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
        if len(content) > FILE_MAX_BYTES:
            raise Misconfigured(f"{path.name} is larger than {FILE_MAX_BYTES} bytes.")
        return Table(f"{path.name}: ", tomllib.loads(content.decode())), content
    except OSError as error:
        raise Misconfigured(f"{path.name} cannot be read.", remedy="Check the path and its rights.") from error
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
        raise Misconfigured(f"{path.name} is not TOML: {error}.", remedy="Correct the mapping file.") from error
