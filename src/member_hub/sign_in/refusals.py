"""The refusals of signing in; none says whether a number is known."""

from member_hub.access import Unauthenticated
from member_hub.telling import NotSent
from member_hub.throttling import Throttled


class CodeWrong(Unauthenticated):
    """Wrong, expired, used, replaced, tried too often, never sent, or the second thing does not fit."""

    zh = "验证码不正确或已失效。"
    en = "The code is wrong or no longer valid."


class TooManyCodes(Throttled):
    zh = "请求验证码过于频繁，请稍后再试。"
    en = "Too many codes were asked for; try again later."


class CodesSpent(TooManyCodes):
    """By the whole hub within the hour: somebody may be sending messages at the brand's cost."""


class TooManyTries(Throttled):
    """From one address, with whatever numbers; right ones count, too."""

    zh = "验证码尝试过于频繁，请稍后再试。"
    en = "Too many codes were tried from here; try again later."


class CodeNotSent(NotSent):
    """The code is void."""

    zh = "验证码暂时无法发送，请稍后再试。"
    en = "The code could not be sent; try again later."


class NoSender(CodeNotSent):
    """Production without a message service: whoever operates the hub has to set one up."""

    zh = "尚未配置短信服务，无法使用验证码。"
    en = "No message service is set up here, so codes are neither sent nor taken."
