"""What an order line or a day of activity brings, once: points, growth, and that the tier is looked at again.

    lines        order lines and refunds, set-wise, as orders/ has stored them
    activity     daily counts, for who lets their activity be evaluated
    openings     the balances that old systems kept for channel accounts
    recording    one order or one day of activity, as an app brings it
    clocks       nothing is decided by a clock that is behind what was decided before
    backfill     what could not be counted when it came: earlier imports, frozen members, refunds before their original

A line counts once by channel, order and line, whoever brings it. What cannot be counted now waits and is found by the
back-fill; nothing about a line is lost, and the order in which lines come does not matter.
"""

from member_hub.counting.activity import count_activity
from member_hub.counting.clocks import is_behind, refuse_behind
from member_hub.counting.lines import count_lines
from member_hub.counting.needs import Counted, Loyalty, hub_caller
from member_hub.counting.openings import count_openings

__all__ = [
    "Counted",
    "Loyalty",
    "count_activity",
    "count_lines",
    "count_openings",
    "hub_caller",
    "is_behind",
    "refuse_behind",
]
