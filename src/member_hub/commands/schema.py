"""member-hub schema: the GraphQL schema as text."""

from __future__ import annotations

import click

from member_hub.commands.documents import documents


@click.group()
def schema() -> None:
    """The GraphQL schema. 接口定义。"""


@schema.command("print")
def print_() -> None:
    """Print the schema in the schema definition language."""
    from member_hub.graphql.schema import sdl

    click.echo(sdl(), nl=False)


@schema.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def errors(*, as_json: bool) -> None:
    """Print every error code with its cause, whether to retry, and the remedy."""
    from dataclasses import asdict

    import orjson

    from member_hub import codes

    click.echo(
        orjson.dumps([asdict(code) for code in codes.CODES]).decode() if as_json else codes.as_markdown(), nl=False
    )


@schema.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(*, as_json: bool) -> None:
    """Say whether schema/member_hub.graphql is what the code serves; exit 1 if not."""
    import orjson

    from member_hub.errors import Misconfigured
    from member_hub.graphql.schema import is_current

    found = is_current()
    if as_json:
        click.echo(orjson.dumps({"current": found}).decode())
    if not found:
        raise Misconfigured(
            "schema/member_hub.graphql is not current.", remedy="Run `member-hub schema print` into it."
        )
    if not as_json:
        click.echo("The schema file is current.")


schema.add_command(documents)
