"""Writes the five channel files of a demo set, and who is who in them.

The set is made block by block: within a block lines are shuffled (orders: roughly by time), and blocks follow each
other like deliveries, so memory is bounded by the block however large the set.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TextIO, TypeVar

from member_hub.demo import activity, app, fixed, orders, store, website
from member_hub.demo.accounts import Account, accounts_of
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw
from member_hub.demo.people import Channel, People, Person

T = TypeVar("T")
BLOCK = 2500  # people
PEOPLE_MAX = 5_000_000
FILES = ("website.jsonl", "app.jsonl", "store.csv", "orders.csv", "activity.csv")
TRUTH_HEADER = ("channel", "account", "person")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set holds: rows per file, accounts per channel, and how often each kind of dirt struck."""

    people: int
    accounts: Mapping[str, int]
    rows: Mapping[str, int]
    dirt: Mapping[Dirt, int]


class Files:
    """The open files; counts what is written."""

    def __init__(self, folder: Path, truth: Path | None, stack: ExitStack) -> None:
        self.rows: Counter[str] = Counter()
        self.accounts: Counter[str] = Counter()
        self._website = stack.enter_context(_open(folder / "website.jsonl", "utf-8"))
        self._app = stack.enter_context(_open(folder / "app.jsonl", "utf-8"))
        self._store = csv.writer(stack.enter_context(_open(folder / "store.csv", "gb18030")))
        self._orders = csv.writer(stack.enter_context(_open(folder / "orders.csv", "utf-8-sig")))
        self._activity = csv.writer(stack.enter_context(_open(folder / "activity.csv", "utf-8")), lineterminator="\n")
        self._truth = csv.writer(stack.enter_context(_open(truth, "utf-8")), lineterminator="\n") if truth else None
        self._store.writerow(store.HEADER)
        self._orders.writerow(orders.HEADER)
        self._activity.writerow(activity.HEADER)
        if self._truth:
            self._truth.writerow(TRUTH_HEADER)

    def website(self, lines: Iterable[str]) -> None:
        self._lines("website.jsonl", self._website, lines)

    def app(self, lines: Iterable[str]) -> None:
        self._lines("app.jsonl", self._app, lines)

    def store(self, rows: Iterable[list[str]]) -> None:
        self._store.writerows(self._counted("store.csv", rows))

    def orders(self, rows: Iterable[list[str]]) -> None:
        self._orders.writerows(self._counted("orders.csv", rows))

    def activity(self, rows: Iterable[list[str]]) -> None:
        self._activity.writerows(self._counted("activity.csv", rows))

    def truth(self, rows: Iterable[tuple[str, str, str]]) -> None:
        for row in rows:
            self.accounts[row[0]] += 1
            if self._truth:
                self._truth.writerow(row)

    def _lines(self, name: str, file: TextIO, lines: Iterable[str]) -> None:
        file.writelines(f"{line}\n" for line in self._counted(name, lines))

    def _counted(self, name: str, rows: Iterable[T]) -> Iterator[T]:
        for row in rows:
            self.rows[name] += 1
            yield row


def generate(
    folder: Path, *, people: int, seed: int, truth: Path | None = None, activity_days: int = activity.DAYS
) -> Summary:
    """Write a demo set of about `people` people and the fixed members; the same arguments give the same bytes."""
    if not 1 <= people <= PEOPLE_MAX or not 0 <= activity_days <= activity.DAYS:
        raise ValueError("people or activity_days is out of range")
    folder.mkdir(parents=True, exist_ok=True)
    draw = Draw(seed)
    everybody = People(draw).some(people)
    count = 0
    with ExitStack() as stack:
        files = Files(folder, truth, stack)
        till = orders.Till(draw)
        while block := list(islice(everybody, BLOCK)):
            count += len(block)
            _write_block(draw, files, till, block, activity_days)
        _write_fixed(files)
    return Summary(count + len(fixed.MEMBERS), files.accounts, files.rows, draw.dice.tally)


def _write_block(draw: Draw, files: Files, till: orders.Till, block: list[Person], activity_days: int) -> None:
    accounts = [account for person in block for account in accounts_of(draw, person)]
    of: dict[Channel, list[Account]] = {channel: [] for channel in Channel}
    for account in accounts:
        of[account.channel].append(account)
    files.truth((account.channel.value, account.key, account.person.number) for account in accounts)
    files.website(_lines(draw, (website.messages(draw, account) for account in of[Channel.WEBSITE]), "account"))
    files.app(_lines(draw, (app.events(draw, account) for account in of[Channel.APP]), "user_id"))
    files.store(_shuffled(draw.rng, [row for account in of[Channel.STORE] for row in store.rows(draw, account)]))
    files.orders(till.rows(accounts))
    files.activity(row for account in accounts for row in activity.rows(draw, account, days=activity_days))


def _write_fixed(files: Files) -> None:
    files.truth((*account, member.number) for member in fixed.MEMBERS for account in member.accounts)
    files.website(_json(message) for message in fixed.website_messages())
    files.app(_json(event) for event in fixed.app_events())
    files.store(fixed.card_rows())
    files.orders(fixed.order_rows())
    files.activity(fixed.activity_rows())


def _lines(draw: Draw, groups: Iterable[list[dict[str, Any]]], key: str) -> list[str]:
    """The messages of one channel as lines in no order, with those that were delivered twice or broken."""
    placed: list[tuple[float, str]] = []
    for group in groups:
        places = sorted(draw.rng.random() for _ in group)
        if len(group) > 1 and draw.dice.strikes(Dirt.UPDATE_BEFORE_FIRST):
            places.reverse()
        for place, message in zip(places, group, strict=True):
            line = _json(message)
            placed.append((place, line))
            placed.extend((draw.rng.random(), extra) for extra in _extras(draw, message, line, key))
    return [line for _, line in sorted(placed)]


def _extras(draw: Draw, message: dict[str, Any], line: str, key: str) -> Iterator[str]:
    """What stands in the file beside a good line."""
    strikes = draw.dice.strikes
    if strikes(Dirt.DELIVERED_TWICE):
        yield line
    if strikes(Dirt.JSON_BROKEN):
        yield line[: draw.rng.randrange(20, 60)]
    if strikes(Dirt.JSON_KEY_MISSING):
        yield _json({name: value for name, value in _redelivered(draw, message).items() if name != key})
    if strikes(Dirt.JSON_TIME_IMPOSSIBLE):
        time = "updated_at" if "updated_at" in message else "ts"
        yield _json(_redelivered(draw, message) | {time: draw.pick(("not a date", "2026-02-30", None))})


def _redelivered(draw: Draw, message: dict[str, Any]) -> dict[str, Any]:
    """The message under a delivery id of its own."""
    return message | {name: draw.message_id() for name in ("message_id", "event_id") if name in message}


def _shuffled(rng: Random, rows: list[T]) -> list[T]:
    rng.shuffle(rows)
    return rows


def _json(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False)


def _open(path: Path, encoding: str) -> AbstractContextManager[TextIO]:
    return path.open("w", encoding=encoding, newline="")
