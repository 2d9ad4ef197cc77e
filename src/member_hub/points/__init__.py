"""Points: an append-only ledger with lots, and what may be done with it (P1 to P13)."""

from member_hub.points.asking import Asked, Entry, Programme, Receipt
from member_hub.points.care import adjust, close, extend, freeze, reinstate, transfer, unfreeze
from member_hub.points.clockwork import settle_due
from member_hub.points.earning import Earning, Line, earn, earn_for_order_line, reverse_order_line
from member_hub.points.many import Counted, count_lines
from member_hub.points.opening import open_balances
from member_hub.points.programme import rules_of
from member_hub.points.refusals import NotEnoughPoints
from member_hub.points.rules import Rules
from member_hub.points.spending import capture, hold, redeem, release, reverse
from member_hub.points.together import Together, Wish
from member_hub.points.words import LotKind, Reason

__all__ = [
    "Asked",
    "Counted",
    "Earning",
    "Entry",
    "Line",
    "LotKind",
    "NotEnoughPoints",
    "Programme",
    "Reason",
    "Receipt",
    "Rules",
    "Together",
    "Wish",
    "adjust",
    "capture",
    "close",
    "count_lines",
    "earn",
    "earn_for_order_line",
    "extend",
    "freeze",
    "hold",
    "open_balances",
    "redeem",
    "reinstate",
    "release",
    "reverse",
    "reverse_order_line",
    "rules_of",
    "settle_due",
    "transfer",
    "unfreeze",
]
