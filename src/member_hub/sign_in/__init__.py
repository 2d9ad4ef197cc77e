"""Members sign in with a code sent to their phone; a number that was given out again opens nobody's account.

The front door: `Desk` (send_code, start, end, claims), `opened_sender(settings)`.
"""

from member_hub.sign_in.actions import Second, Wanted
from member_hub.sign_in.desk import Desk, Started, Visit
from member_hub.sign_in.refusals import CodeWrong, NotSent, TooManyCodes
from member_hub.sign_in.rules import CODE_LIVES, PHONE_CHARS_MAX, counted_address, is_code
from member_hub.sign_in.sending import Console, Message, Sender, Webhook, opened_sender

__all__ = [
    "CODE_LIVES",
    "PHONE_CHARS_MAX",
    "CodeWrong",
    "Console",
    "Desk",
    "Message",
    "NotSent",
    "Second",
    "Sender",
    "Started",
    "TooManyCodes",
    "Visit",
    "Wanted",
    "Webhook",
    "counted_address",
    "is_code",
    "opened_sender",
]
