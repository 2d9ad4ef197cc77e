"""What may be kept no longer, by the clock: each term that a table declares in days has a job here (PIPL 19).

Codes, keys and approvals go as new ones come, too, so that none piles up between two rounds; but that is no promise
about the last ones of a hub, or a part of it, that nobody uses any more.

Not here: what is kept for as long as somebody is a member (the rights that end it), the evidence of consent and of
notices (immutable to the app, for three years after the end), and months of the audit log (seals.py).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from member_hub import approving, idempotency
from member_hub.db.base import Tx, transaction
from member_hub.ingest import quarantine
from member_hub.jobs.job import Done, Job, Lane, Needs
from member_hub.orders import forgetting as orders
from member_hub.revealing import actions as revealing
from member_hub.sign_in import actions as sessions
from member_hub.sign_in import codes
from member_hub.till import actions as till

FORGETTING_EVERY: Final = timedelta(hours=1)
FORGETTING_MAX: Final = 100  # batches of one round, each in a transaction of its own
KEYS_MAX: Final = 5_000  # in one transaction

Sweep = Callable[[Tx, datetime], Awaitable[int]]  # some of what is old; how many, 0: there is no more

# Which job keeps the term of which table; a test holds it against every declaration.
KEPT_BY: Final[Mapping[str, str]] = {
    "hub.activity": "old activity",
    "hub.act_approval": "old proposals",
    "hub.waiting_line": "old waiting lines",
    "hub.quarantine": "old quarantine",
    "hub.one_time_code": "old sign-ins",
    "hub.second_try": "old sign-ins",
    "hub.session": "old sign-ins",
    "hub.member_code": "old member codes",
    "hub.approval": "old approvals",
    "hub.idempotency": "old keys",
}


def forgetting_jobs(hub: Needs) -> Sequence[Job]:
    """The order is that of the list of jobs: what is about people and long first."""

    async def proposals(tx: Tx, now: datetime) -> int:
        return await approving.forget_old(tx, now=now)

    async def waiting(tx: Tx, now: datetime) -> int:
        return await orders.forget_old_waiting(tx, hub.vault, now)

    async def refused(tx: Tx, now: datetime) -> int:
        return await quarantine.shred_old(tx, hub.vault, now=now)

    async def sign_ins(tx: Tx, now: datetime) -> int:
        """By the database's clock what its clock ends, as where codes are asked for; sessions by the hub's."""
        of_codes = await codes.forget_codes(tx) + await codes.forget_tries(tx) + await codes.forget_guesses(tx)
        return of_codes + await sessions.forget_sessions(tx, now=now)

    async def member_codes(tx: Tx, _now: datetime) -> int:
        return await till.forget_codes(tx)

    async def approvals(tx: Tx, _now: datetime) -> int:
        return await revealing.forget_expired(tx)

    async def keys(tx: Tx, now: datetime) -> int:
        return await idempotency.forget_expired(tx, now=now, at_most=KEYS_MAX)

    return [
        _job(hub, "old activity", orders.forget_old_activity),
        _job(hub, "old proposals", proposals),
        _job(hub, "old waiting lines", waiting),
        _job(hub, "old quarantine", refused),
        _job(hub, "old sign-ins", sign_ins),
        _job(hub, "old member codes", member_codes),
        _job(hub, "old approvals", approvals),
        _job(hub, "old keys", keys),
    ]


def _job(hub: Needs, name: str, sweep: Sweep) -> Job:
    async def forget(now: datetime) -> Done:
        gone = 0
        for _ in range(FORGETTING_MAX):
            async with transaction(hub.database.app) as tx:
                number = await sweep(tx, now)
            if not number:
                return Done(gone)
            gone += number
        return Done(gone, has_more=True)

    return Job(name, FORGETTING_EVERY, forget, Lane.MUCH)
