"""`python -m member_hub.demo`: write a demo set."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from member_hub.demo import generate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="member_hub.demo", description="Write a demo set of channel files.")
    parser.add_argument("--people", type=int, default=2000, help="about how many people (2000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same files (1)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the five files")
    parser.add_argument("--truth", type=Path, help="CSV of channel, account and true person")
    said = parser.parse_args(arguments)
    try:
        summary = generate(said.out, people=said.people, seed=said.seed, truth=said.truth)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    rows = ", ".join(f"{name} {count}" for name, count in summary.rows.items())
    sys.stdout.write(f"{summary.people} people: {rows}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
