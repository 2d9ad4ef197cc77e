"""Figures about many members: never a personal row, never a group under the minimum size.

The front door: `reports.count_members(tx, vault, organisation, asked, handler=...)`.
"""

from member_hub.reports.disclosure import MINIMUM_GROUP, ROUNDED_TO
from member_hub.reports.grid import BadGrid, Dimension, Narrowed, Table, table
from member_hub.reports.queries import GROUPS_MAX, Group, TooManyGroups, count_members

__all__ = [
    "GROUPS_MAX",
    "MINIMUM_GROUP",
    "ROUNDED_TO",
    "BadGrid",
    "Dimension",
    "Group",
    "Narrowed",
    "Table",
    "TooManyGroups",
    "count_members",
    "table",
]
