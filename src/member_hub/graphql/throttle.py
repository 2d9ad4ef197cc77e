"""How much one caller may ask for: cost, and look-ups by key apart, because they are how numbers are tried out.

A look-up counts whether it finds somebody or not. What is not worth executing counts too, so that reading bad documents
is not free. An app has what the settings say; a person, of staff or a member, a tenth of the cost (three pages of a
hundred whole members at once, then one in twenty seconds) and a fiftieth of the look-ups.
"""

from member_hub.access import Caller, CallerKind
from member_hub.graphql.limits import KEYS_MAX
from member_hub.settings import Settings
from member_hub.throttling import Buckets, Occasions, Rate, Throttled

PEOPLE_COST, PEOPLE_LOOKUPS = 10, 50  # a person has one part in so many of what an app has
COST_BURST_S = 60  # a bucket of cost holds what comes in so many seconds
LOOKUPS_BURST_S = 20
BAD_DOCUMENT_COST = 20
CHARS_PER_COST = 100  # of a text that has to be read anew

Whose = tuple[str, str]


class Throttle:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        processes = settings.processes
        rates = {
            True: (_of_cost(settings.cost_per_s), _of_keys(settings.lookups_per_s)),
            False: (_of_cost(settings.cost_per_s / PEOPLE_COST), _of_keys(settings.lookups_per_s / PEOPLE_LOOKUPS)),
        }
        self._buckets = {
            is_app: (Buckets(cost.share(processes)), Buckets(keys.share(processes)))
            for is_app, (cost, keys) in rates.items()
        }
        self._told = Occasions()

    def enter(self, caller: Caller) -> None:
        """Raises Throttled where nothing more can be taken from this caller at the moment."""
        cost, _ = self._of(caller)
        wait_s = cost.wait_s(_whose(caller), 1)
        if wait_s:
            raise Throttled(wait_s)

    def charge(self, caller: Caller, *, cost: int, lookups: int) -> None:
        """Both or neither. Raises Throttled with the time after which both fit."""
        whose = _whose(caller)
        asked = [(buckets, n) for buckets, n in zip(self._of(caller), (cost, lookups), strict=True) if n]
        wait_s = max((buckets.wait_s(whose, amount) for buckets, amount in asked), default=0)
        if wait_s:
            raise Throttled(wait_s)
        for buckets, amount in asked:
            buckets.pour(whose, amount)

    def charge_bad_document(self, caller: Caller) -> None:
        cost, _ = self._of(caller)
        cost.pour(_whose(caller), BAD_DOCUMENT_COST)

    def charge_reading(self, caller: Caller, chars: int) -> None:
        cost, _ = self._of(caller)
        cost.pour(_whose(caller), chars // CHARS_PER_COST)

    def room(self, caller: Caller) -> int:
        """The cost that could be asked for now."""
        cost, _ = self._of(caller)
        return cost.room(_whose(caller))

    def _of(self, caller: Caller) -> tuple[Buckets, Buckets]:
        """The buckets of cost and of look-ups."""
        return self._buckets[caller.kind is CallerKind.APP]

    def is_worth_telling(self, caller: Caller) -> bool:
        """Once a minute for each caller."""
        return self._told.is_first(_whose(caller))


def _of_cost(per_s: float) -> Rate:
    return Rate(per_s, per_s * COST_BURST_S)


def _of_keys(per_s: float) -> Rate:
    """A burst has room for the largest single request that there may be."""
    return Rate(per_s, max(per_s * LOOKUPS_BURST_S, KEYS_MAX))


def _whose(caller: Caller) -> Whose:
    return caller.kind.value, caller.subject
