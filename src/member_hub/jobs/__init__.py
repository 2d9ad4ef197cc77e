"""What runs by the clock, in the served process and by `member-hub jobs run`: seals of the audit log, its partitions
and retention, what time does to decisions on consent, bits that are to be used again, what falls due in the loyalty
programme, and notices that are still to be handed over.

Any number of processes may run this: the sealer takes turns by a lock, a notice is claimed by one, members with
decisions that are due are shared out, and everything else is the same done twice.
"""

from member_hub.jobs.at_once import Ran, named, run_at_once
from member_hub.jobs.job import Done, Job, Lane, Needs
from member_hub.jobs.listing import every_job
from member_hub.jobs.running import run_forever

__all__ = ["Done", "Job", "Lane", "Needs", "Ran", "every_job", "named", "run_at_once", "run_forever"]
