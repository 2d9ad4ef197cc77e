"""What runs by the clock inside the served process: seals of the audit log, its partitions and retention, what time
does to decisions on consent, bits that are to be used again, and notices that are still to be handed over.

Any number of processes may run this: the sealer takes turns by a lock, a notice is claimed by one, members with
decisions that are due are shared out, and everything else is the same done twice.
"""

from member_hub.jobs.job import Needs
from member_hub.jobs.running import run_forever

__all__ = ["Needs", "run_forever"]
