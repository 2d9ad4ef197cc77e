"""What can be wrong with what a caller states."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from member_hub.errors import BadInput, Conflict, Forbidden, Refused

P = ParamSpec("P")
T = TypeVar("T")


class Refusals(Refused):
    """Several things were wrong with one request; the caller gets all of them."""

    def __init__(self, refusals: Sequence[Refused]) -> None:
        self.refusals = refusals
        super().__init__(refusals[0].text_en, zh=refusals[0].text_zh, field=refusals[0].field)


class Outranked(Conflict):
    """The value would be held and not shown; nobody should believe that it was changed."""

    code = "OUTRANKED"
    zh = "该字段已有更可靠的值（例如已验证的值），本次未作修改。"
    en = "A value that counts for more, such as a verified one, stands in this field; nothing was changed."


class VersionConflict(Conflict):
    def __init__(self, version: int) -> None:
        super().__init__(
            f"Somebody else changed this meanwhile: it is at version {version}. Read it again and retry.",
            zh=f"数据已被他人修改，当前版本为 {version}，请刷新后重试。",
            field="expectedVersion",
        )


class AlreadyEnrolled(Conflict):
    code = "ALREADY_ENROLLED"
    zh = "该渠道账号已经登记。"
    en = "This channel account is enrolled already."


class CollectionNotConsented(Conflict):
    """Nothing is collected for a purpose that the member has not agreed to, or does not agree to any more."""

    code = "COLLECTION_NOT_CONSENTED"
    zh = "该目的并非基于同意，或该会员当前没有有效的同意，不能为此收集。"
    en = "This purpose does not rest on consent, or the member's consent to it does not stand: nothing is collected."


class NothingStated(BadInput):
    zh = "没有需要修改的字段。"
    en = "Nothing is to be changed."


class UnknownStore(BadInput):
    zh = "门店不在组织登记中。"
    en = "The organisation register does not know this store."


class StoreRequired(BadInput):
    zh = "请指定办理门店。"
    en = "Say in which store."


class NotYourStore(Forbidden):
    zh = "只能登记到本人所属的门店。"
    en = "Only a store of your own."


class MayNotVouch(Forbidden):
    zh = "只有应用系统可以声明该标识已验证。"
    en = "Only an app can vouch for this identifier."


class MayNotWrite(Forbidden):
    zh = "当前角色不能修改该字段。"
    en = "This role may not change this field."


class MayNotServe(Forbidden):
    zh = "当前角色不能使用会员码。"
    en = "This role does not find members by their code."


class NotThePresented(Conflict):
    """The account would not join the member who shows the code; a second member of the same person helps nobody."""

    zh = "所填信息与出示会员码的会员不符，未作登记；请核对手机号与姓名。"
    en = "What is stated does not fit the member who shows the code; nothing was enrolled. Check phone and name."


class CardsFull(Conflict):
    zh = "该会员持有的会员卡已达上限，未作登记。"
    en = "This member has as many cards as one member may have; nothing was enrolled."


class Collected:
    """Reads one thing after the other and remembers every refusal."""

    def __init__(self) -> None:
        self._refusals: list[Refused] = []

    def read(self, make: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        try:
            return make(*args, **named)
        except Refused as refusal:
            self._refusals.append(refusal)
            return None

    def end(self) -> None:
        """Raises Refusals if there was one."""
        if self._refusals:
            raise Refusals(self._refusals)
