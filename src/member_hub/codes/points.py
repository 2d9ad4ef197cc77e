"""Codes of points: accounts, holds, and the order lines that earned them."""

from typing import Final

from member_hub.codes.code import Code, Place, Retry

CODES: Final = (
    Code(
        "ALREADY_COUNTED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该订单行、退款行或期初余额已经入账。",
        "The order line, the refund or the opening balance was counted before.",
        "无需再次提交；核对订单号与行号。",
        "Nothing is to be done; check order and line number.",
    ),
    Code(
        "CAPTURE_TOO_LARGE",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "扣取数量超过仍冻结的积分。",
        "More is to be captured than is still held.",
        "以不超过冻结的数量再提交，或另行兑换其余部分。",
        "Capture what is held, and redeem the rest apart.",
    ),
    Code(
        "CLOCK_JUMPED",
        (Place.USER_ERRORS,),
        Retry.LATER,
        "本机时钟落后于账户中最近一笔的时间，或落后于会员计划最近一次按日作出的决定。",
        "The clock of this machine is behind the newest entry of the account, or the newest that the programme decided "
        "by the day.",
        "校准时钟后重试；在此之前，定时任务也不作决定。",
        "Set the clock right and retry; until then the jobs of the programme decide nothing either.",
    ),
    Code(
        "HOLDS_OPEN",
        (),
        Retry.CHANGED,
        "账户尚有未结束的冻结。",
        "The account has holds that have not ended.",
        "先扣取或释放这些冻结。",
        "Capture or release them first.",
    ),
    Code(
        "HOLD_ENDED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该冻结已扣取、释放或超时。",
        "The hold was captured, released or timed out.",
        "需要时重新冻结。",
        "Hold again if it is still wanted.",
    ),
    Code(
        "NOT_REVERSIBLE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该笔记录不属于可冲正的种类，或已全部冲正，或要冲正的数量超过其剩余。",
        "It is nothing that can be reversed, or nothing of it is left to reverse, or less than is asked for.",
        "订单获得的积分按订单行退款冲正；部分已冲正的，减少数量或不填数量。",
        "What an order line earned is reversed by its refund; of what is reversed in part ask for less, or for no "
        "amount at all.",
    ),
    Code(
        "OCCURRED_AT_OUT_OF_RANGE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "发生时间早于七天之前，或比现在晚五分钟以上；活跃日期早于七天之前，或晚于今天。",
        "The time of occurrence is more than seven days ago, or more than five minutes ahead of the hub's clock; a day "
        "of activity is more than seven days ago, or after today.",
        "早于七天的由人工以调整方式补录；超前的校准收银端时钟。",
        "Let a person adjust the points of what is older; set the till's clock right for what is ahead.",
    ),
    Code(
        "ORDER_LINE_UNKNOWN",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "该会员没有以这个订单行获得过积分。",
        "This member earned nothing by that order line.",
        "核对订单号与行号；原单尚未入账时先提交原单。",
        "Check order and line number; send the original first if it has not come.",
    ),
    Code(
        "POINTS_CLOSED",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "该会员的积分账户已关闭。",
        "The points account of this member is closed.",
        "无法恢复。",
        "It cannot be opened again.",
    ),
    Code(
        "POINTS_FROZEN",
        (Place.USER_ERRORS,),
        Retry.LATER,
        "该会员或其积分账户已冻结或限制处理。",
        "The member or the points account is frozen or restricted.",
        "由客服核实后解除冻结。",
        "Have it looked at; it can be unfrozen.",
    ),
    Code(
        "POINTS_IN_TOO_MANY_LOTS",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "可用积分足够，但分散在五千个以上的批次中，一次处理不了。",
        "The points are there, but in more than five thousand lots, which is more than one act takes.",
        "减少数量，分几次提交。",
        "Ask for less, in several parts.",
    ),
    Code(
        "POINTS_LIMIT",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "超过积分规则的限额：单次获得、单次调整、单次或当日转赠、冻结时长、恢复期限、延期或余额；提示说明是哪一项。",
        "More than the programme allows: of one earning, one adjustment, one transfer or those of a day, of how long "
        "points are held, extended or can be brought back, or of a balance. The message says which.",
        "减少数量后再提交；限额见会员计划文件的 [points]。",
        "Ask for less; the limits stand in [points] of the programme's file.",
    ),
    Code(
        "POINTS_NOT_ENOUGH",
        (Place.USER_ERRORS,),
        Retry.CHANGED,
        "可用积分不足；或该批次没有可恢复的过期积分，或没有可延期的剩余积分。",
        "There are not enough active points; or nothing of the lot has expired, or nothing of it is left to extend.",
        "减少数量；待生效或冻结的积分不能使用。已过期的批次用 pointsReinstate 恢复，未过期的用 pointsExtend 延期。",
        "Ask for less; pending and held points cannot be spent. A lot that has expired is brought back with "
        "pointsReinstate, one that has not is extended with pointsExtend.",
    ),
    Code(
        "REFUND_TOO_LARGE",
        (Place.USER_ERRORS,),
        Retry.NEVER,
        "退款金额超过原订单行尚未退款的部分。",
        "The refund is greater than what is left of the order line.",
        "核对金额。",
        "Check the amount.",
    ),
)
