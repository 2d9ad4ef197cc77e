"""The one list of what is done by the clock: lanes and `member-hub jobs` are made from it.

Its order is the order in which `jobs run` does each once: months before what is sealed in them; what time does to
consent and age before what goes by it; then the loyalty programme; what may be kept no longer; notices when everybody
has asked for theirs; and seals last, over all that was put on record meanwhile.
"""

from collections.abc import Callable

from member_hub.jobs.consents import jobs_of_much, jobs_of_time
from member_hub.jobs.forgetting import forgetting_jobs
from member_hub.jobs.job import Job, Needs
from member_hub.jobs.loyalty import loyalty_jobs_of
from member_hub.jobs.notices import calling_jobs_of
from member_hub.jobs.seals import jobs_of


def every_job(hub: Needs, is_over: Callable[[], bool] = lambda: False) -> list[Job]:
    """Every job of the hub, each once."""
    months, *seals = jobs_of(hub)
    return [
        months,
        *jobs_of_time(hub),
        *jobs_of_much(hub),
        *loyalty_jobs_of(hub),
        *forgetting_jobs(hub),
        *calling_jobs_of(hub, is_over),
        *seals,
    ]
