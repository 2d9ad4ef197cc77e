"""Which document stands behind an id: the only thing that apps may send in production.

A changed folder is read within seconds, by the next request that asks for a document, in a thread of its own; so apps
register documents without a release of the hub. Where the folder cannot be read, the last good one holds.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Final

from graphql import GraphQLSchema

from member_hub import resources
from member_hub.access import Caller, CallerKind
from member_hub.errors import Misconfigured, Refused
from member_hub.graphql.documents import Documents
from member_hub.graphql.shelves import FILES_MAX, OWNERS_MAX, Trusted, read_shelves
from member_hub.settings import Settings

RELOAD_S = 2.0
OWNERS: Final = {CallerKind.STAFF: "staff", CallerKind.MEMBER: "member"}

Print = frozenset[tuple[str, int, int]]

_log = logging.getLogger(__name__)


class DocumentNotFound(Refused):
    code = "DOCUMENT_NOT_FOUND"
    zh = "没有登记该查询文档。"
    en = "No such document is registered for this caller."


class DocumentRequired(DocumentNotFound):
    zh = "生产环境中，应用只能发送已登记的文档（documentId）。"
    en = "In production apps send registered documents only: documentId."


@dataclass(frozen=True, slots=True)
class Registered:
    """How the folder stands, for the operator."""

    not_served: Mapping[str, int] = field(default_factory=dict)  # files, by owner
    is_stale: bool = False  # it cannot be read, and the last good one holds


def folder_of(settings: Settings) -> Path:
    """The operator's folder of documents, else the one that came with the product."""
    return settings.operations_dir or resources.folder("schema") / "operations"


class TrustedDocuments:
    """One per process. Raises Misconfigured where there is no such folder."""

    def __init__(self, folder: Path, schema: GraphQLSchema, *, introspects: bool) -> None:
        if not folder.is_dir():
            raise Misconfigured(
                "There is no folder of trusted documents.", remedy="Set MEMBER_HUB_OPERATIONS_DIR to one."
            )
        self._folder = folder
        self._schema = schema
        self._introspects = introspects
        self._served: Mapping[str, Mapping[str, Trusted]] = {}
        self._registered = Registered()
        self._print: Print | None = None
        self._looked_at = float("-inf")
        self._turn = asyncio.Lock()

    async def text(self, caller: Caller, document_id: str) -> str:
        """The document of the caller's app, or of the pages for staff and members. Raises DocumentNotFound."""
        await self._refresh()
        owner = caller.subject if caller.kind is CallerKind.APP else OWNERS.get(caller.kind, "")
        found = self._served.get(owner, {}).get(document_id)
        if found is None:
            raise DocumentNotFound(field="documentId")
        return found.text

    async def registered(self) -> Registered:
        """As of the last few seconds."""
        await self._refresh()
        return self._registered

    async def _refresh(self) -> None:
        """While somebody reads a changed folder, the others go on with what is known."""
        is_being_read = self._turn.locked() and self._print is not None
        if is_being_read or monotonic() - self._looked_at < RELOAD_S:
            return
        async with self._turn:
            if monotonic() - self._looked_at >= RELOAD_S:
                await asyncio.to_thread(self._reload)
                self._looked_at = monotonic()

    def _reload(self) -> None:
        try:
            seen = _print_of(self._folder)
            if seen == self._print:
                self._registered = replace(self._registered, is_stale=False)
                return
            shelves = read_shelves(self._folder, self._schema, Documents(self._schema, introspects=self._introspects))
        except OSError as error:
            _log.error("The trusted documents cannot be read (%s); the last good ones hold.", type(error).__name__)
            self._registered = replace(self._registered, is_stale=True)
            return
        self._served, self._print = {owner: shelf.served for owner, shelf in shelves.items()}, seen
        not_served = {owner: shelf.not_served for owner, shelf in shelves.items() if shelf.not_served}
        self._registered = Registered(not_served)
        if not_served:
            number = sum(not_served.values())
            _log.warning("%d trusted documents are not served; `member-hub schema documents check` says why.", number)


def _print_of(folder: Path) -> Print:
    """What tells that something changed: names, times and sizes."""
    found = set()
    for owner in sorted(path for path in folder.iterdir() if path.is_dir())[:OWNERS_MAX]:
        for file in sorted(owner.iterdir())[: FILES_MAX + 1]:
            about = file.stat()
            found.add((f"{owner.name}/{file.name}", about.st_mtime_ns, about.st_size))
    return frozenset(found)
