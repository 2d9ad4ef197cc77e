"""Figures about many members: never a personal row, never a group under the minimum size.

The front door: `reports.groups_of_week(tx, vault, organisation, asked, whose=..., week=Week.of(now))`.
"""

from member_hub.reports.backtests import backtest_as_told, told_of_backtest
from member_hub.reports.disclosure import MINIMUM_GROUP, ROUNDED_TO
from member_hub.reports.grid import BadGrid, Dimension, Narrowed, Table, table
from member_hub.reports.liability import MONTHS_MAX, STEP_MIN, Liability, OwedOfMonth, liability_of_week
from member_hub.reports.pyramid import Pyramid, TierGroup, pyramid_of_week
from member_hub.reports.queries import GROUPS_MAX, Group, TooManyGroups
from member_hub.reports.snapshots import KEPT, Week, Whose, groups_of_week

__all__ = [
    "GROUPS_MAX",
    "KEPT",
    "MINIMUM_GROUP",
    "MONTHS_MAX",
    "ROUNDED_TO",
    "STEP_MIN",
    "BadGrid",
    "Dimension",
    "Group",
    "Liability",
    "Narrowed",
    "OwedOfMonth",
    "Pyramid",
    "Table",
    "TierGroup",
    "TooManyGroups",
    "Week",
    "Whose",
    "backtest_as_told",
    "groups_of_week",
    "liability_of_week",
    "pyramid_of_week",
    "table",
    "told_of_backtest",
]
