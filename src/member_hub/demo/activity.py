"""Daily activity: counts per account, day and kind, for the last weeks before the files were made."""

from collections.abc import Iterator
from datetime import date, timedelta

from member_hub.demo.accounts import Account
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import END, Draw
from member_hub.demo.people import Channel

HEADER = ("channel", "account", "day", "kind", "count")
DAYS = 45
KINDS = {"check_in": 0.33, "review": 0.033, "share": 0.022, "survey": 0.012}  # chance on a day with a visit
COUNT_MAX = 3
Row = list[str]


def rows(draw: Draw, account: Account, *, days: int) -> Iterator[Row]:
    """The activity of one website or app account; half of the early accounts are asleep."""
    if account.channel is Channel.STORE or (account.person.until < END and draw.chance(0.5)):
        return
    start = max((END - timedelta(days=days)).date(), account.since.date())
    activeness, random = draw.rng.random() * 0.5, draw.rng.random
    for offset in range((END.date() - start).days):
        if random() >= activeness:
            continue
        day = start + timedelta(days=offset)
        yield from _row(draw, account, day, "visit")
        for kind, share in KINDS.items():
            if random() < share:
                yield from _row(draw, account, day, kind)


def _row(draw: Draw, account: Account, day: date, kind: str) -> Iterator[Row]:
    channel, strikes = account.channel.value, draw.dice.strikes
    head, count = [channel, account.key, day.isoformat(), kind], 1 + int(draw.rng.random() * COUNT_MAX)
    yield [*head, str(count)]
    if strikes(Dirt.ACTIVITY_COUNT_REPLACED):
        yield [*head, str(count + 1)]
    if strikes(Dirt.ACTIVITY_COUNT_IMPOSSIBLE):
        yield [*head[:3], "share", draw.pick(("-1", "x", "1.5", ""))]
    if strikes(Dirt.ACTIVITY_DAY_IMPOSSIBLE):
        yield [*head[:2], draw.pick(("2026-02-30", "today", "")), kind, str(count)]
    if strikes(Dirt.ACTIVITY_KIND_UNKNOWN):
        yield [*head[:3], "dance", str(count)]
    if strikes(Dirt.ACTIVITY_ACCOUNT_UNKNOWN):
        yield [channel, draw.nobodys_account(channel[0].upper()), *head[2:], str(count)]
