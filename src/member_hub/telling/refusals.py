"""The one refusal of telling."""

from member_hub.errors import Unavailable


class NotSent(Unavailable):
    """Nobody took the message."""

    zh = "消息暂时无法发送，请稍后再试。"
    en = "The message could not be sent; try again later."
