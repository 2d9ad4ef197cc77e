"""Doing at once all that is due: each job of the list, again and again while it says that there is more.

A job that fails is told of and ends there; the others still run. Safe beside a served hub, and twice: it is the same
jobs, and what one process has done the other finds done.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from member_hub.clock import Clock
from member_hub.errors import HubError, Misconfigured
from member_hub.jobs.job import Job

ROUNDS_MAX: Final = 10_000  # of one job
IDLE_ROUNDS_MAX: Final = 3  # that did nothing and went on over nothing, and still say that there is more


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one job; `error` is a class or a text of this product, never what a library said."""

    job: str
    done: int
    failed: int
    rounds: int
    seconds: float
    has_more: bool = False
    error: str | None = None

    @property
    def is_well(self) -> bool:
        return self.error is None and not self.failed and not self.has_more


def named(jobs: Sequence[Job], names: Sequence[str]) -> Sequence[Job]:
    """The jobs of these names, in the order of the list; all where none is named. Raises Misconfigured."""
    unknown = sorted(set(names) - {job.name for job in jobs})
    if unknown:
        known = ", ".join(job.name for job in jobs)
        raise Misconfigured(f"There is no job of this name: {unknown[0]}.", remedy=f"There are: {known}.")
    return [job for job in jobs if not names or job.name in names]


async def run_at_once(
    jobs: Sequence[Job], clock: Clock, *, on_round: Callable[[Job, int, int], None] = lambda *_: None
) -> AsyncIterator[Ran]:
    """One after another; `on_round` hears of each round: the job, which round, how much was done so far."""
    for job in jobs:
        yield await _run(job, clock, on_round)


async def _run(job: Job, clock: Clock, on_round: Callable[[Job, int, int], None]) -> Ran:
    began, count, failed, rounds, idle = time.monotonic(), 0, 0, 0, 0
    has_more, error = True, None
    while has_more and rounds < ROUNDS_MAX and idle < IDLE_ROUNDS_MAX:
        rounds += 1
        try:
            done = await job.work(clock.now())
        except Exception as raised:  # noqa: BLE001 - whatever it was, the other jobs still run
            job.failed_with(raised)
            error = str(raised) if isinstance(raised, HubError) else type(raised).__name__
            has_more = False
            break
        count, failed, has_more = count + done.count, failed + done.failed, done.has_more
        idle = 0 if done.count or done.went_on else idle + 1
        on_round(job, rounds, count)
    return Ran(job.name, count, failed, rounds, round(time.monotonic() - began, 3), has_more, error)
