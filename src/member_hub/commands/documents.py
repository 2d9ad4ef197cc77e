"""member-hub schema documents: what apps and pages may send, and what of a member they newly read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from member_hub.graphql.shelves import Shelf


@click.group()
def documents() -> None:
    """The trusted documents of apps and pages. 可信文档。"""


@documents.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: by app, the id of each operation.")
def list_(*, as_json: bool) -> None:
    """Print the documents that are served, with the ids by which they are sent."""
    import orjson

    _, shelves = _shelves()
    served = {owner: {one.name: one.id for one in shelf.served.values()} for owner, shelf in shelves.items()}
    if as_json:
        click.echo(orjson.dumps(served, option=orjson.OPT_INDENT_2).decode())
        return
    for owner, ids in served.items():
        for name, id_ in ids.items():
            click.echo(f"{owner:<16} {name:<24} {id_}")


@documents.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(*, as_json: bool) -> None:
    """Name every document that is not served: what is wrong with it, or what it newly reads. Exit 1 if there is one."""
    import orjson

    from member_hub.errors import Misconfigured

    _, shelves = _shelves()
    said = {owner: _said(shelf) for owner, shelf in shelves.items()}
    click.echo(orjson.dumps(said).decode() if as_json else "\n".join(_lines(shelves)))
    if any(shelf.problems or shelf.newly_read for shelf in shelves.values()):
        raise Misconfigured("Some documents are not served.", remedy="Mend them, or approve what they read.")


@documents.command()
@click.argument("owner")
def approve(*, owner: str) -> None:
    """Let the documents of OWNER (an app, staff or member) read what they read now: rewrites its fields.txt."""
    from member_hub.errors import BadInput, Misconfigured
    from member_hub.graphql.shelves import FIELDS_FILE, fields_text

    folder, shelves = _shelves()
    shelf = shelves.get(owner)
    if shelf is None:
        raise BadInput("There is no such folder of documents.", zh="没有该文档目录。")
    wrong = sorted(shelf.problems.keys() - {FIELDS_FILE})
    if wrong:
        raise Misconfigured(f"Not everything there is a document: {', '.join(wrong)}.", remedy="Mend it first.")
    click.echo("\n".join(_diff(shelf)) or "Nothing has changed.")
    written = folder / owner / f"{FIELDS_FILE}.new"  # whole or not at all: a hub may be reading
    written.write_text(fields_text(shelf.fields), "utf-8")
    written.replace(folder / owner / FIELDS_FILE)


def _shelves() -> tuple[Path, Mapping[str, Shelf]]:
    from member_hub.errors import Misconfigured
    from member_hub.graphql.documents import Documents
    from member_hub.graphql.schema import core_schema
    from member_hub.graphql.shelves import read_shelves
    from member_hub.graphql.trusted import folder_of
    from member_hub.settings import Settings

    settings = Settings.from_environ()
    folder = folder_of(settings)
    documents = Documents(core_schema(), introspects=not settings.is_production)
    try:
        return folder, read_shelves(folder, core_schema(), documents)
    except OSError as error:
        raise Misconfigured(
            "The folder of documents cannot be read.", remedy="Set MEMBER_HUB_OPERATIONS_DIR."
        ) from error


def _said(shelf: Shelf) -> dict[str, object]:
    return {
        "served": len(shelf.served),
        "problems": dict(shelf.problems),
        "newly_read": dict(shelf.newly_read),
        "no_longer_read": sorted(shelf.approved - shelf.fields),
    }


def _lines(shelves: Mapping[str, Shelf]) -> list[str]:
    lines = []
    for owner, shelf in shelves.items():
        lines.append(f"{owner}: {len(shelf.served)} of {len(shelf.documents) + len(shelf.problems)} served")
        lines += [f"  {file}: {reason}" for file, reason in shelf.problems.items()]
        lines += [f"  {line}" for line in _diff(shelf)]
    return lines


def _diff(shelf: Shelf) -> list[str]:
    """The change of the approved list, one line per field, with the documents that newly read it."""
    new = [f"+ {guard}  ({', '.join(names)})" for guard, names in shelf.newly_read.items()]
    return new + [f"- {guard}" for guard in sorted(shelf.approved - shelf.fields)]
