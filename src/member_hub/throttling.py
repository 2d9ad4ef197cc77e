"""Leaky buckets: how much somebody may do at once and in the long run, remembered by this process alone.

Decision: nothing is written per request, so each of several processes keeps its share (rate and burst divided by their
number). Price: who reaches one process only gets a share of what is theirs, and a restart forgives what was owed.
What is over the burst in one piece is let through a bucket that has room for all of it, and then owed.

The number of buckets is bounded. Only an empty one is forgotten: whoever floods the hub with new names fills the rest
and then shares one bucket with the other newcomers, and no debt is forgotten for it.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from member_hub.errors import Refused

BUCKETS_MAX = 10_000
FORGET_MAX = 20  # buckets looked at when room is needed, the longest unused first
MINUTE_S = 60
OTHERS: Final = "others"  # the bucket of those for whom there is no room


class Throttled(Refused):
    code = "THROTTLED"
    zh = "请求过于频繁，请稍后重试。"
    en = "Too many requests for now; retry later."

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__()


@dataclass(frozen=True, slots=True)
class Rate:
    """What leaks away per second, and how much a bucket holds."""

    per_s: float
    burst: float

    def share(self, processes: int) -> "Rate":
        return Rate(self.per_s / processes, self.burst / processes)


@dataclass(slots=True)
class Bucket:
    level: float
    empty_at: float
    seen_at: float


class Buckets:
    """The buckets of one kind of thing, all with one rate."""

    def __init__(self, rate: Rate, *, most: int = BUCKETS_MAX, now: Callable[[], float] | None = None) -> None:
        self.rate = rate
        self._most = most
        self._now = now or monotonic
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()

    def wait_s(self, whose: Hashable, amount: float) -> float:
        """How long until there is room for so much; 0: now. Takes nothing."""
        over = self._level(whose) + min(amount, self.rate.burst) - self.rate.burst
        return max(over, 0.0) / self.rate.per_s

    def pour(self, whose: Hashable, amount: float) -> None:
        """Take so much, whether there is room or not."""
        bucket = self._bucket(whose)
        bucket.level, bucket.seen_at = self._leaked(bucket) + amount, self._now()
        bucket.empty_at = bucket.seen_at + bucket.level / self.rate.per_s

    def room(self, whose: Hashable) -> int:
        return max(0, int(self.rate.burst - self._level(whose)))

    def _level(self, whose: Hashable) -> float:
        bucket = self._buckets.get(whose) or (self._buckets.get(OTHERS) if self._is_full() else None)
        return self._leaked(bucket) if bucket else 0.0

    def _leaked(self, bucket: Bucket) -> float:
        return max(0.0, bucket.level - (self._now() - bucket.seen_at) * self.rate.per_s)

    def _bucket(self, whose: Hashable) -> Bucket:
        if whose not in self._buckets and self._is_full():
            whose = OTHERS
        bucket = self._buckets.setdefault(whose, Bucket(0.0, self._now(), self._now()))
        self._buckets.move_to_end(whose)
        return bucket

    def _is_full(self) -> bool:
        """Whether there is room for nobody else, after the emptied ones among the longest unused are forgotten."""
        for _ in range(FORGET_MAX):
            if len(self._buckets) < self._most:
                return False
            whose, oldest = next(iter(self._buckets.items()))
            if oldest.empty_at > self._now():
                self._buckets.move_to_end(whose)
            else:
                del self._buckets[whose]
        return len(self._buckets) >= self._most


class Occasions:
    """Says of each thing once a minute that it has happened, so that a flood of it leaves a row and not a flood."""

    def __init__(self, *, most: int = BUCKETS_MAX, now: Callable[[], float] | None = None) -> None:
        self._most = most
        self._now = now or monotonic
        self._minute = 0
        self._seen: set[Hashable] = set()

    def is_first(self, what: Hashable) -> bool:
        minute = int(self._now() // MINUTE_S)
        if minute != self._minute:
            self._minute, self._seen = minute, set()
        if what in self._seen or len(self._seen) >= self._most:
            return False
        self._seen.add(what)
        return True
