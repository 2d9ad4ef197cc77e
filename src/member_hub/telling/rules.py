"""Which numbers a message is sent to (pure).

Decision: mobile numbers of mainland China, Hong Kong, Macao and Taiwan only. Whoever may send messages to any number of
the world can spend the brand's money on numbers of their own, by a code or by a file of invented members. Price: who
has a foreign number signs in through the website or the app, and is told by e-mail or the app.
"""

from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

_COUNTRIES: Final = frozenset({86, 852, 853, 886})
_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def gets_messages(number: str) -> bool:
    """Whether messages are sent to this number, given in E.164."""
    parsed = phonenumbers.parse(number)
    return parsed.country_code in _COUNTRIES and phonenumbers.number_type(parsed) in _MOBILE
