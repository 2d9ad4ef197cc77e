"""What `member-hub jobs run` does, in the hub of a test."""

from member_hub.jobs import every_job, named, run_at_once
from tests.graphql.world import World


async def run_jobs(world: World, *names: str) -> dict[str, int]:
    """Each of these jobs, all where none is named, until nothing of it is left; how much each did, if anything."""
    done = [ran async for ran in run_at_once(named(every_job(world.hub), names), world.clock)]
    assert [ran for ran in done if not ran.is_well] == []
    return {ran.job: ran.done for ran in done if ran.done}
