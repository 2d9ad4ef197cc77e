"""What telling answers for: the tasks, which keep the member id that they began with (it leads to the root)."""

from member_hub.holding import MemberRows
from member_hub.telling.tables import NoticeTask


class TellingHolder(MemberRows):
    def __init__(self) -> None:
        super().__init__((NoticeTask,))
