"""The refusals that a caller can act on, each with a stable code and a text in Chinese and English.

    HubError
    ├── Refused              an expected refusal: a domain rule, a right that is missing, bad input
    └── Misconfigured        the operator has to act: a setting, a key file, a database

One class per refusal, named for the fact; it stands in the part that raises it. No text ever carries a
personal value: it may reach a log, a person who may not see it, or both.
"""

from typing import ClassVar


class HubError(Exception):
    """What this product raises on purpose."""

    code: ClassVar[str] = "INTERNAL"


class Refused(HubError):
    """An expected refusal; ends as a `userError` or as a GraphQL error with `code`.

    `field` names the input field that was wrong, never its value.
    """

    code: ClassVar[str] = "REFUSED"
    zh: ClassVar[str] = "请求被拒绝。"
    en: ClassVar[str] = "The request was refused."

    def __init__(self, en: str | None = None, *, zh: str | None = None, field: str | None = None) -> None:
        self.text_en = en or self.en
        self.text_zh = zh or self.zh
        self.field = field
        super().__init__(self.text_en)


class Misconfigured(HubError):
    """The operator has to act; the text says what is wrong and what to do about it."""

    code: ClassVar[str] = "MISCONFIGURED"

    def __init__(self, what: str, *, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} {remedy}".strip())


class BadInput(Refused):
    code = "BAD_USER_INPUT"
    zh = "输入无效。"
    en = "The input is not valid."


class NotFound(Refused):
    """Unknown and out of scope look the same from outside (STYLE 24)."""

    code = "NOT_FOUND"
    zh = "未找到。"
    en = "Not found."


class Forbidden(Refused):
    code = "FORBIDDEN"
    zh = "没有权限。"
    en = "This role and purpose may not do that."


class Conflict(Refused):
    code = "CONFLICT"
    zh = "数据已被他人修改，请刷新后重试。"
    en = "Somebody else changed this meanwhile; read it again and retry."


class Unavailable(Refused):
    code = "UNAVAILABLE"
    zh = "服务暂不可用。"
    en = "The service is not available now."
