"""How much one caller may ask for: cost, and look-ups by key apart, because they are how numbers are tried out.

A look-up counts whether it finds somebody or not. What is not executed counts too, by itself and by its length: it was
read, and its variables were made out, before it was known to be refused. A caller whose bucket is full is turned away
before that and pays nothing, so nobody who goes on trying is locked out for longer.

An app has what the settings say: enough for a busy till. A person, of staff or a member, has a hundredth of the cost
(fifteen pages of a hundred whole members at once, then one in four seconds) and a thousandth of the look-ups, and in
any 24 hours no more look-ups than the settings say: half of them at once, the others by and by.
"""

from collections.abc import Sequence

from member_hub.access import Caller, CallerKind
from member_hub.graphql.limits import KEYS_MAX
from member_hub.settings import Settings
from member_hub.throttling import Buckets, Occasions, Rate, Throttled

PEOPLE_COST, PEOPLE_LOOKUPS = 100, 1_000  # a person has one part in so many of what an app has
COST_BURST_S = 60  # a bucket of cost holds what comes in so many seconds
LOOKUPS_BURST_S = 20
REFUSAL_COST = 20
DAY_S = 86_400
CHARS_PER_COST = 100  # of a text that has to be read anew, and of a request that is refused

Whose = tuple[str, str]


class Throttle:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        processes = settings.processes
        rates = {
            True: [_of_cost(settings.cost_per_s), _of_keys(settings.lookups_per_s)],
            False: [
                _of_cost(settings.cost_per_s / PEOPLE_COST),
                _of_keys(settings.lookups_per_s / PEOPLE_LOOKUPS),
                _of_day(settings.lookups_per_day),
            ],
        }
        self._buckets = {is_app: [Buckets(one.share(processes)) for one in each] for is_app, each in rates.items()}
        self._told = Occasions()

    def enter(self, caller: Caller) -> None:
        """Raises Throttled where nothing more can be taken from this caller at the moment."""
        wait_s = self._cost_of(caller).wait_s(_whose(caller), 1)
        if wait_s:
            raise Throttled(wait_s)

    def charge(self, caller: Caller, *, cost: int, lookups: int, body_bytes: int = 0) -> None:
        """All or nothing. Raises Throttled with the time after which all of it fits; that is charged as a refusal."""
        whose, amounts = _whose(caller), (cost, lookups, lookups)  # apps have no third bucket
        asked = [(buckets, n) for buckets, n in zip(self._of(caller), amounts, strict=False) if n]
        if any(buckets.wait_s(whose, amount) for buckets, amount in asked):
            self.charge_refusal(caller, body_bytes)
            raise Throttled(max(buckets.wait_s(whose, amount) for buckets, amount in asked))
        for buckets, amount in asked:
            buckets.pour(whose, amount)

    def charge_refusal(self, caller: Caller, body_bytes: int) -> None:
        self._cost_of(caller).pour(_whose(caller), REFUSAL_COST + body_bytes // CHARS_PER_COST)

    def charge_reading(self, caller: Caller, chars: int) -> None:
        self._cost_of(caller).pour(_whose(caller), chars // CHARS_PER_COST)

    def room(self, caller: Caller) -> int:
        """The cost that could be asked for now."""
        return self._cost_of(caller).room(_whose(caller))

    def _cost_of(self, caller: Caller) -> Buckets:
        return self._of(caller)[0]

    def _of(self, caller: Caller) -> Sequence[Buckets]:
        """The buckets of cost, of look-ups, and, for people, of a day's look-ups."""
        return self._buckets[caller.kind is CallerKind.APP]

    def is_worth_telling(self, caller: Caller) -> bool:
        """Once a minute for each caller."""
        return self._told.is_first(_whose(caller))


def _of_cost(per_s: float) -> Rate:
    return Rate(per_s, per_s * COST_BURST_S)


def _of_keys(per_s: float) -> Rate:
    """A burst has room for the largest single request that there may be."""
    return Rate(per_s, max(per_s * LOOKUPS_BURST_S, KEYS_MAX))


def _of_day(per_day: int) -> Rate:
    """Half of it at once and half of it within the day are all of it in any 24 hours."""
    return Rate(per_day / 2 / DAY_S, per_day / 2)


def _whose(caller: Caller) -> Whose:
    return caller.kind.value, caller.subject
