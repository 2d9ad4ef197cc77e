"""`python -m benchmarks [--only NAME]`: print the tables."""

import argparse
import sys

from benchmarks import access, audit, consent, door, importing, lookup, loyalty, points, quality
from benchmarks.hub import HubFailed

NAMES = ("quality", "import", "lookup", "access", "consent", "audit", "points", "loyalty", "door")
OF_HUB = {
    "lookup": lookup.main,
    "access": access.main,
    "consent": consent.main,
    "audit": audit.main,
    "points": points.main,
    "loyalty": loyalty.main,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure the hub beside what is possible.")
    parser.add_argument("--only", choices=NAMES, help="one benchmark instead of all")
    parser.add_argument("--people", type=int, default=quality.PEOPLE, help="quality: people in each demo set")
    parser.add_argument("--seeds", type=int, nargs="+", default=quality.SEEDS, help="quality: seeds of the demo sets")
    parser.add_argument(
        "--records", type=int, nargs="+", default=importing.RECORDS, help="import: sizes, smallest first"
    )
    parser.add_argument("--without-hub", action="store_true", help="quality: only the demo sets and the baselines")
    said = parser.parse_args()
    names = (said.only,) if said.only else NAMES
    try:
        if "quality" in names:
            quality.main(seeds=said.seeds, people=said.people, with_hub=not said.without_hub)
        if "import" in names and not said.without_hub:
            importing.main(sizes=said.records)
        for name, of_hub in OF_HUB.items():
            if name in names and not said.without_hub:
                of_hub()
        if "door" in names:
            door.main()
    except HubFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
