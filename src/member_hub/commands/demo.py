"""member-hub demo: write a demo set of channel files."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--people", type=click.IntRange(1, 200_000), default=2000, show_default=True, help="About how many people."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--truth", type=click.Path(path_type=Path), help="Also write who is who: channel,account,person (CSV).")
def demo(*, folder: Path, people: int, seed: int, truth: Path | None) -> None:
    """Write invented channel files into FOLDER, with every kind of dirt real ones have. 生成演示数据。"""
    from member_hub.demo import generate

    made = generate(folder, people=people, seed=seed, truth=truth)
    rows = ", ".join(f"{name} {count:,}" for name, count in made.rows.items())
    click.echo(f"{made.people:,} people: {rows}")
