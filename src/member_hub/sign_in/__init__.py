"""Members sign in with a code sent to their phone; a number that was given out again opens nobody's account.

The front door: `Desk` (send_code, start, end, claims), `Post` and `redeem_till_code` for the till, `Notices` for
what runs by the clock, `opened_sender`.
"""

from member_hub.sign_in.actions import Second, Wanted
from member_hub.sign_in.desk import Desk, Started, Visit
from member_hub.sign_in.notices import Notices
from member_hub.sign_in.posting import Post, redeem_till_code
from member_hub.sign_in.refusals import CodesSpent, CodeWrong, NotSent, TooManyCodes, TooManyTries
from member_hub.sign_in.rules import (
    ADDRESS_LIMITS,
    APP_LIMITS,
    CODE_LIVES,
    PHONE_CHARS_MAX,
    CodePurpose,
    is_code,
)
from member_hub.sign_in.sending import Console, Kind, Message, Sender, Webhook, opened_sender

__all__ = [
    "ADDRESS_LIMITS",
    "APP_LIMITS",
    "CODE_LIVES",
    "PHONE_CHARS_MAX",
    "CodePurpose",
    "CodeWrong",
    "CodesSpent",
    "Console",
    "Desk",
    "Kind",
    "Message",
    "NotSent",
    "Notices",
    "Post",
    "Second",
    "Sender",
    "Started",
    "TooManyCodes",
    "TooManyTries",
    "Visit",
    "Wanted",
    "Webhook",
    "is_code",
    "opened_sender",
    "redeem_till_code",
]
