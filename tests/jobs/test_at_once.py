"""Doing at once what is due: round after round, a failure stops nobody, and nothing goes on for ever."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from member_hub.errors import Misconfigured, Unavailable
from member_hub.jobs import Done, Job, Lane, Ran, at_once, named, run_at_once
from tests.graphql.world import NOW, StandingClock


def job(name: str, *rounds: Done | Exception) -> Job:
    """Each time the next; the last for ever."""
    left = list(rounds)

    async def work(_now: datetime) -> Done:
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Exception):
            raise said
        return said

    return Job(name, timedelta(hours=1), work, Lane.LOYALTY)


async def ran(*jobs: Job) -> Sequence[Ran]:
    return [one async for one in run_at_once(jobs, StandingClock(NOW))]


def said(one: Ran) -> tuple[Any, ...]:
    return one.job, one.done, one.failed, one.rounds, one.has_more, one.error, one.is_well


async def test_a_job_is_repeated_while_it_has_more() -> None:
    (one,) = await ran(job("a", Done(500, has_more=True), Done(500, has_more=True), Done(3)))

    assert said(one) == ("a", 1003, 0, 3, False, None, True)


async def test_a_job_that_fails_is_told_of_and_the_others_still_run(caplog: pytest.LogCaptureFixture) -> None:
    done = await ran(
        job("a", Done(1, has_more=True), Unavailable()), job("b", ValueError("13800138000")), job("c", Done(2))
    )

    assert [said(one) for one in done] == [
        ("a", 1, 0, 2, False, "The service is not available now.", False),
        ("b", 0, 0, 1, False, "ValueError", False),
        ("c", 2, 0, 1, False, None, True),
    ]
    assert "13800138000" not in caplog.text


async def test_items_that_failed_are_counted_and_are_a_failure() -> None:
    (one,) = await ran(job("a", Done(4, failed=1)))

    assert said(one) == ("a", 4, 1, 1, False, None, False)


async def test_a_job_that_gets_nowhere_ends_after_three_rounds() -> None:
    (one,) = await ran(job("a", Done(0, has_more=True)))

    assert said(one) == ("a", 0, 0, 3, True, None, False)


async def test_a_job_that_goes_on_over_what_has_to_wait_is_getting_somewhere() -> None:
    over_nothing = Done(0, has_more=True, went_on=True)

    (one,) = await ran(job("a", *[over_nothing] * 5, Done(2)))

    assert said(one) == ("a", 2, 0, 6, False, None, True)


async def test_a_job_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "ROUNDS_MAX", 7)

    (one,) = await ran(job("a", Done(1, has_more=True)))

    assert said(one) == ("a", 7, 0, 7, True, None, False)


def test_jobs_are_picked_by_name_in_their_own_order() -> None:
    jobs = [job("a", Done()), job("b", Done()), job("c", Done())]

    assert [one.name for one in named(jobs, ["c", "a"])] == ["a", "c"]
    assert named(jobs, []) == jobs
    with pytest.raises(Misconfigured, match=r"There is no job of this name: d\. There are: a, b, c\."):
        named(jobs, ["a", "d"])
