"""Why a row of a channel file is refused: a closed list, each word with a text for people."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Spelled as stored in the quarantine and as counted in the closing summary."""

    MALFORMED = "malformed"
    ENCODING = "encoding"
    TOO_LONG = "too_long"
    WRONG_COLUMNS = "wrong_columns"
    AMBIGUOUS = "ambiguous"
    MISSING_KEY = "missing_key"
    BAD_KEY = "bad_key"
    MISSING_TIME = "missing_time"
    IMPOSSIBLE_TIME = "impossible_time"
    BAD_AMOUNT = "bad_amount"
    BAD_BALANCE = "bad_balance"
    BAD_COUNT = "bad_count"
    BAD_STATUS = "bad_status"
    BAD_KIND = "bad_kind"
    BAD_CHANNEL = "bad_channel"
    BAD_STORE = "bad_store"
    BAD_REFUND = "bad_refund"
    REFUND_TOO_LARGE = "refund_too_large"
    CONFLICTING_REPEAT = "conflicting_repeat"
    NOT_APPLIED = "not_applied"

    @property
    def zh(self) -> str:
        return _TEXTS[self][0]

    @property
    def en(self) -> str:
        return _TEXTS[self][1]


_TEXTS: Final[dict[Reason, tuple[str, str]]] = {
    Reason.MALFORMED: ("这一行的格式已损坏，无法读取。", "The row is broken and cannot be read."),
    Reason.ENCODING: ("含有无法解码的字节。", "It holds bytes that cannot be decoded."),
    Reason.TOO_LONG: ("这一行超过长度上限。", "The row is longer than the limit."),
    Reason.WRONG_COLUMNS: ("列数与表头不符。", "It does not have as many cells as the header."),
    Reason.AMBIGUOUS: ("同一列在一行中出现多次。", "It states one column more than once."),
    Reason.MISSING_KEY: ("缺少账号、卡号或订单号。", "The account, card or order number is missing."),
    Reason.BAD_KEY: ("账号、卡号或订单号无法使用。", "The account, card or order number cannot be used."),
    Reason.MISSING_TIME: ("缺少时间。", "The time is missing."),
    Reason.IMPOSSIBLE_TIME: ("时间不存在或不合理。", "The time does not exist, or is out of range."),
    Reason.BAD_AMOUNT: ("金额无效，或与状态不符。", "The amount is not valid, or does not fit the status."),
    Reason.BAD_BALANCE: ("积分余额无效。", "The balance of points is not valid."),
    Reason.BAD_COUNT: ("次数无效。", "The count is not valid."),
    Reason.BAD_STATUS: ("订单状态未知。", "The status of the order is unknown."),
    Reason.BAD_KIND: ("类型未知。", "The kind is unknown."),
    Reason.BAD_CHANNEL: ("渠道未知。", "The channel is unknown."),
    Reason.BAD_STORE: (
        "门店缺失或未登记，或不在门店渠道却写了门店。",
        "The store is missing, not in the register, or of an order that was not bought in one.",
    ),
    Reason.BAD_REFUND: ("退款与原订单行的对应关系无效。", "The refund does not name an original line as it should."),
    Reason.REFUND_TOO_LARGE: (
        "退款金额超过原订单行尚未退还的金额。",
        "The refund is for more than is left of its order line.",
    ),
    Reason.CONFLICTING_REPEAT: ("同一行再次出现，内容却不同。", "The same line came before with another content."),
    Reason.NOT_APPLIED: ("系统未能处理这一行，请重试或报告。", "The hub failed on it: try it again, or report it."),
}
