"""What the points ledger refuses, one class per fact."""

from member_hub.errors import BadInput, Refused, Unavailable


class BadAmount(BadInput):
    zh = "数量须为 1 至 2^53 的整数。"
    en = "An amount is a whole number from 1 to 2^53."


class BadAdjustment(BadAmount):
    zh = "调整数量须为 -2^53 至 2^53 的整数，且不为 0。"
    en = "An adjustment is a whole number from -2^53 to 2^53, and not 0."


class BadLine(BadInput):
    zh = "订单号须为 1 至 64 个字母、数字或 . : @ | + = / ~ _ - 符号，行号须为 0 至 1000000 的整数。"
    en = (
        "An order number has 1 to 64 letters, digits or signs of . : @ | + = / ~ _ -, "
        "a line number is a whole number from 0 to 1000000."
    )


class BadEnd(BadInput):
    zh = "新的到期时间须晚于现有的到期时间。"
    en = "A lot is extended to an end later than it has."


class BadHold(BadInput):
    zh = "冻结时长至少为 1 分钟。"
    en = "Points are held for 1 minute at least."


class BadReason(BadInput):
    zh = "该操作不接受这个原因。"
    en = "This reason does not fit what is asked for."


class OccurredTooFar(BadInput):
    code = "OCCURRED_AT_OUT_OF_RANGE"
    zh = "发生时间早于七天前，或比当前时间晚五分钟以上。"
    en = "What happened more than seven days ago, or is more than five minutes ahead of the clock, is not accepted."


class ClockJumped(Unavailable):
    """The ledger, or what was decided by the day, is ahead of this machine's clock; an entry would stand before an
    older one, and what a day decides after what a later day did."""

    code = "CLOCK_JUMPED"
    zh = "服务器时钟落后于已有的账目或决定，请检查时钟。"
    en = "The clock of this machine is behind what was recorded or decided before."


class PointsFrozen(Refused):
    code = "POINTS_FROZEN"
    zh = "该会员的积分已冻结。"
    en = "The points of this member are frozen."


class PointsClosed(Refused):
    code = "POINTS_CLOSED"
    zh = "该积分账户已关闭。"
    en = "This points account is closed."


class NotEnoughPoints(Refused):
    code = "POINTS_NOT_ENOUGH"
    zh = "积分不足。"
    en = "There are not enough points."


class NothingExpired(NotEnoughPoints):
    zh = "该批次积分没有已过期的部分，无可恢复。"
    en = "Nothing of this lot is expired: there is nothing to reinstate."


class LotExpired(NotEnoughPoints):
    zh = "该批次积分已过期，不能延期；请用 pointsReinstate 恢复。"
    en = "This lot has expired: it is not extended, but brought back with pointsReinstate."


class NothingLeft(NotEnoughPoints):
    zh = "该批次积分已无剩余，无可延期。"
    en = "Nothing of this lot is left: there is nothing to extend."


class OverLimit(Refused):
    """A limit of the programme; each has a class below that says which."""

    code = "POINTS_LIMIT"
    zh = "超过积分规则的限额。"
    en = "This is more than the programme allows."


class TooManyLots(Refused):
    """The points are there, but in more lots than one act takes in hand."""

    code = "POINTS_IN_TOO_MANY_LOTS"
    zh = "积分分散在过多批次中，一次处理不了。"
    en = "These points stand in more lots than are taken at once."


class OverEarning(OverLimit):
    zh = "超过单次获得积分的上限（single_max）。"
    en = "This is more than is earned at once (single_max)."


class OverAdjustment(OverLimit):
    zh = "超过单次调整的上限（adjustment_max）。"
    en = "This is more than one adjustment may be (adjustment_max)."


class OverTransfer(OverLimit):
    zh = "单次转赠的数量超出规定范围（transfer_min 至 transfer_max）。"
    en = "One transfer is of neither more nor fewer points than the programme says (transfer_min, transfer_max)."


class OverTransferDay(OverLimit):
    zh = "超过当日转赠的上限（transfer_day_max）。"
    en = "This is more than is transferred in a day (transfer_day_max)."


class OverHold(OverLimit):
    zh = "冻结时长超过上限（hold_minutes_max）。"
    en = "This is longer than points are held (hold_minutes_max)."


class ExpiredTooLongAgo(OverLimit):
    zh = "该批次过期已久，超过可恢复的期限（reinstate_days）。"
    en = "This lot expired longer ago than points are brought back (reinstate_days)."


class OverExtension(OverLimit):
    zh = "延期超过上限（extend_days_max）。"
    en = "This is longer than a lot is extended (extend_days_max)."


class OverBalance(OverLimit):
    zh = "积分余额将超过 2^53。"
    en = "The balance would be more than 2^53 points."


class NeedsApproval(Refused):
    code = "APPROVAL_REQUIRED"
    zh = "超过限额的调整须由另一人批准。"
    en = "An adjustment of this size needs the approval of a second person."


class CaptureTooLarge(Refused):
    code = "CAPTURE_TOO_LARGE"
    zh = "扣取数量超过冻结数量。"
    en = "This is more than is held."


class HoldEnded(Refused):
    code = "HOLD_ENDED"
    zh = "该冻结已结束。"
    en = "This hold has ended."


class HoldsOpen(Refused):
    code = "HOLDS_OPEN"
    zh = "尚有未结束的冻结。"
    en = "There are open holds."


class RefundTooLarge(Refused):
    code = "REFUND_TOO_LARGE"
    zh = "退款金额超过原订单行尚未退还的部分。"
    en = "The refund is greater than what is left of the order line."


class OrderLineUnknown(Refused):
    code = "ORDER_LINE_UNKNOWN"
    zh = "没有为该订单行发放过积分。"
    en = "No points were earned for this order line."


class AlreadyCounted(Refused):
    """The order line or the opening balance, perhaps for another member or with another amount."""

    code = "ALREADY_COUNTED"
    zh = "该订单行或期初余额已经入账。"
    en = "This order line or opening balance was counted before."


class NotReversible(Refused):
    code = "NOT_REVERSIBLE"
    zh = "该笔记录不能冲正，或已全部冲正。"
    en = "This cannot be reversed, or is reversed already."


class MoreThanIsLeft(NotReversible):
    zh = "要冲正的数量超过该笔记录尚未冲正的部分。"
    en = "This is more than is left to reverse of this operation."
