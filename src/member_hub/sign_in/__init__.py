"""Members sign in with a code sent to their phone; a number that was given out again opens nobody's account.

The front door: `Desk` (send_code, start, end, claims), `Post` and `redeem_till_code` for the till.
"""

from member_hub.sign_in.actions import Second, Wanted
from member_hub.sign_in.desk import Desk, Started, Visit
from member_hub.sign_in.posting import Post, redeem_till_code
from member_hub.sign_in.refusals import CodeNotSent, CodesSpent, CodeWrong, TooManyCodes, TooManyTries
from member_hub.sign_in.rules import (
    ADDRESS_LIMITS,
    APP_LIMITS,
    CODE_LIVES,
    PHONE_CHARS_MAX,
    CodePurpose,
    is_code,
)

__all__ = [
    "ADDRESS_LIMITS",
    "APP_LIMITS",
    "CODE_LIVES",
    "PHONE_CHARS_MAX",
    "CodeNotSent",
    "CodePurpose",
    "CodeWrong",
    "CodesSpent",
    "Desk",
    "Post",
    "Second",
    "Started",
    "TooManyCodes",
    "TooManyTries",
    "Visit",
    "Wanted",
    "is_code",
    "redeem_till_code",
]
