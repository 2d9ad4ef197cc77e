"""Every kind of dirt the demo set holds, how often it strikes, and the dice that make it strike that often.

The frequencies are ours, set so that each kind stands at least ten times among 2,000 people and that the mix of
clean and dirty identifiers is like the one a brand's channels have (see `member_hub.demo`).
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum, auto
from random import Random

# Above this a kind is common enough for chance alone; rarer kinds are dealt out, one in each run of `one_in`.
COMMON_ONE_IN = 6


class Dirt(StrEnum):
    PHONE_PLUS_86 = auto()
    PHONE_0086 = auto()
    PHONE_SPACES = auto()
    PHONE_DASHES = auto()
    PHONE_PADDED = auto()
    PHONE_FULL_WIDTH = auto()
    PHONE_MISSING_WEBSITE = auto()
    PHONE_MISSING_APP = auto()
    PHONE_MISSING_STORE = auto()
    PHONE_TYPED_ONLY_WEBSITE = auto()
    PHONE_TYPED_ONLY_APP = auto()
    PHONE_VERIFIED_WEEKS_LATER = auto()
    PHONE_JUNK = auto()
    PHONE_FOREIGN = auto()
    PHONE_TYPO = auto()
    PHONE_OTHER = auto()
    PHONE_OF_FAMILY_ON_CARD = auto()
    PHONE_SHARED_IN_FAMILY = auto()
    PHONE_RECYCLED = auto()
    PHONE_CHANGED = auto()
    PHONE_VERIFIED_BY_UPDATE = auto()
    NAME_MASKED = auto()
    NAME_HONORIFIC = auto()
    NAME_TRADITIONAL = auto()
    NAME_SPACED = auto()
    NAME_HOMOPHONE = auto()
    NAME_RARE = auto()
    NAME_COMPOUND = auto()
    NAME_OF_ANOTHER = auto()
    NAME_CHANGED = auto()
    NICKNAME_IS_NAME = auto()
    NICKNAME_NUMBER = auto()
    NICKNAME_EMOJI = auto()
    RECEIVER_OTHER = auto()
    GENDER_MISSING = auto()
    BIRTHDAY_MISSING = auto()
    BIRTHDAY_SLASHES = auto()
    BIRTHDAY_DOTS = auto()
    BIRTHDAY_COMPACT = auto()
    BIRTHDAY_UNPADDED = auto()
    BIRTHDAY_CHINESE = auto()
    BIRTHDAY_CHINESE_UNPADDED = auto()
    BIRTHDAY_FULL_WIDTH = auto()
    BIRTHDAY_IMPOSSIBLE = auto()
    CHILD = auto()
    EMAIL_MISSING = auto()
    EMAIL_UPPER_CASE = auto()
    EMAIL_UNVERIFIED = auto()
    EMAIL_JUNK = auto()
    EMAIL_INVALID = auto()
    EMAIL_CHANGED = auto()
    TWO_WEBSITE_ACCOUNTS = auto()
    SEVERAL_APPIDS = auto()
    UNIONID_MISSING = auto()
    DEVICE_SHARED_TABLET = auto()
    DELIVERED_TWICE = auto()
    UPDATED = auto()
    UPDATE_BEFORE_FIRST = auto()
    CONSENT_CHANGED = auto()
    JSON_BROKEN = auto()
    JSON_KEY_MISSING = auto()
    JSON_TIME_IMPOSSIBLE = auto()
    CARD_ROW_SHORT = auto()
    CARD_NUMBER_MISSING = auto()
    CARD_ROW_REPEATED = auto()
    CARD_BALANCE_IMPOSSIBLE = auto()
    REMARK_LINE_BREAK = auto()
    REMARK_FORMULA = auto()
    REMARK_SQL = auto()
    REMARK_MARKUP = auto()
    REMARK_QUOTES = auto()
    REMARK_HEALTH = auto()
    REMARK_CHILDREN = auto()
    ORDER_KEY_UNKNOWN = auto()
    ORDER_BEFORE_ACCOUNT = auto()
    ORDER_LINE_REPEATED = auto()
    ORDER_LINE_CONFLICTING = auto()
    ORDER_REFUND = auto()
    ORDER_REFUND_PARTIAL = auto()
    ORDER_REFUND_FIRST = auto()
    ORDER_REFUND_OF_NOTHING = auto()
    ORDER_AMOUNT_IMPOSSIBLE = auto()
    ORDER_TIME_IMPOSSIBLE = auto()
    ORDER_STATUS_UNKNOWN = auto()
    ORDER_ROW_SHORT = auto()
    ACTIVITY_COUNT_REPLACED = auto()
    ACTIVITY_COUNT_IMPOSSIBLE = auto()
    ACTIVITY_DAY_IMPOSSIBLE = auto()
    ACTIVITY_KIND_UNKNOWN = auto()
    ACTIVITY_ACCOUNT_UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Rate:
    one_in: int
    of: str
    what: str


D, R = Dirt, Rate
DIRT: dict[Dirt, Rate] = {
    D.PHONE_PLUS_86: R(11, "phones", "+8613..."),
    D.PHONE_0086: R(25, "phones", "008613..."),
    D.PHONE_SPACES: R(12, "phones", "139 1234 5678"),
    D.PHONE_DASHES: R(12, "phones", "139-1234-5678"),
    D.PHONE_PADDED: R(20, "phones", "a space before and an ideographic space (U+3000) after"),
    D.PHONE_FULL_WIDTH: R(25, "phones", "full-width digits"),
    D.PHONE_MISSING_WEBSITE: R(8, "website accounts", "no phone given"),
    D.PHONE_MISSING_APP: R(5, "app accounts", "no phone given"),
    D.PHONE_MISSING_STORE: R(21, "cards", "no phone given"),
    D.PHONE_TYPED_ONLY_WEBSITE: R(5, "website phones", "typed, never verified"),
    D.PHONE_TYPED_ONLY_APP: R(10, "app phones", "typed, never verified"),
    D.PHONE_VERIFIED_WEEKS_LATER: R(4, "verified website phones", "verified 20 days after the line's own time"),
    D.PHONE_JUNK: R(24, "people", "11111111111 and the like on their website account or card, shared by strangers"),
    D.PHONE_FOREIGN: R(130, "people", "a number of Hong Kong or Singapore"),
    D.PHONE_TYPO: R(55, "cards", "one digit of the phone is wrong"),
    D.PHONE_OTHER: R(45, "accounts", "another phone than on the person's other accounts"),
    D.PHONE_OF_FAMILY_ON_CARD: R(170, "people", "the card carries the phone of a family member"),
    D.PHONE_SHARED_IN_FAMILY: R(170, "people", "two of a family have one phone"),
    D.PHONE_RECYCLED: R(170, "people", "a new owner verifies a phone that another person had verified"),
    D.PHONE_CHANGED: R(110, "website and app accounts with a phone", "moves to a new phone, and uses it from then on"),
    D.PHONE_VERIFIED_BY_UPDATE: R(14, "phones typed only", "verified by a later message"),
    D.NAME_MASKED: R(50, "names", "张*, 张**"),
    D.NAME_HONORIFIC: R(48, "names", "张先生, 张女士"),
    D.NAME_TRADITIONAL: R(40, "names that have another form", "traditional characters"),
    D.NAME_SPACED: R(55, "names", "a space inside"),
    D.NAME_HOMOPHONE: R(30, "names that have one", "a character of the same sound"),
    D.NAME_RARE: R(110, "people", "a character outside the everyday sets (𠮷, 䶮)"),
    D.NAME_COMPOUND: R(80, "people", "a surname of two characters"),
    D.NAME_OF_ANOTHER: R(100, "people", "the full name of an unrelated person"),
    D.NAME_CHANGED: R(75, "website accounts", "a new given name, used from then on"),
    D.NICKNAME_IS_NAME: R(5, "app accounts", "the nickname happens to be the name"),
    D.NICKNAME_NUMBER: R(4, "app accounts", "用户0000"),
    D.NICKNAME_EMOJI: R(4, "app accounts", "an emoji in front"),
    D.RECEIVER_OTHER: R(5, "addresses", "the parcel goes to somebody else"),
    D.GENDER_MISSING: R(3, "website accounts", "not said (a card: one in nine)"),
    D.BIRTHDAY_MISSING: R(2, "accounts", "not said (the app: two in three)"),
    D.BIRTHDAY_SLASHES: R(6, "birthdays", "1980/02/03"),
    D.BIRTHDAY_DOTS: R(6, "birthdays", "1980.02.03"),
    D.BIRTHDAY_COMPACT: R(6, "birthdays", "19800203"),
    D.BIRTHDAY_UNPADDED: R(8, "birthdays", "1980-2-3"),
    D.BIRTHDAY_CHINESE: R(12, "birthdays", "1980年02月03日"),
    D.BIRTHDAY_CHINESE_UNPADDED: R(8, "birthdays", "1980年2月3日"),
    D.BIRTHDAY_FULL_WIDTH: R(50, "birthdays", "full-width digits"),
    D.BIRTHDAY_IMPOSSIBLE: R(70, "birthdays", "30 February, a year to come, zeros"),
    D.CHILD: R(60, "people", "under 14"),
    D.EMAIL_MISSING: R(3, "website accounts", "not given"),
    D.EMAIL_UPPER_CASE: R(11, "e-mails", "typed with the shift key stuck"),
    D.EMAIL_UNVERIFIED: R(3, "e-mails", "the link was never clicked"),
    D.EMAIL_JUNK: R(48, "website e-mails", "test@test.com, shared by strangers"),
    D.EMAIL_INVALID: R(50, "website e-mails", "no address"),
    D.EMAIL_CHANGED: R(7, "website updates", "a new e-mail"),
    D.TWO_WEBSITE_ACCOUNTS: R(28, "people on the website", "a second account of the same person"),
    D.SEVERAL_APPIDS: R(20, "people in the app", "a second account in another mini-program, same unionid"),
    D.UNIONID_MISSING: R(5, "app accounts", "null"),
    D.DEVICE_SHARED_TABLET: R(13, "app accounts", "signed in on a store's tablet"),
    D.DELIVERED_TWICE: R(45, "messages", "the same delivery id again"),
    D.UPDATED: R(8, "website and app accounts", "a later message about the account"),
    D.UPDATE_BEFORE_FIRST: R(2, "updates", "stands before the first message: lines are in no order"),
    D.CONSENT_CHANGED: R(2, "website updates", "asked again under a new notice"),
    D.JSON_BROKEN: R(180, "messages", "the line ends in the middle"),
    D.JSON_KEY_MISSING: R(200, "messages", "no account, no user_id"),
    D.JSON_TIME_IMPOSSIBLE: R(200, "messages", "a time that is none"),
    D.CARD_ROW_SHORT: R(90, "cards", "a row of four cells"),
    D.CARD_NUMBER_MISSING: R(95, "cards", "a row without a card number"),
    D.CARD_ROW_REPEATED: R(80, "cards", "the same row twice"),
    D.CARD_BALANCE_IMPOSSIBLE: R(100, "cards", "an extra row whose balance is no number"),
    D.REMARK_LINE_BREAK: R(10, "cards", "a line break in the cell"),
    D.REMARK_FORMULA: R(12, "cards", "a spreadsheet formula"),
    D.REMARK_SQL: R(12, "cards", "an SQL statement"),
    D.REMARK_MARKUP: R(30, "cards", "HTML"),
    D.REMARK_QUOTES: R(30, "cards", "quotation marks"),
    D.REMARK_HEALTH: R(10, "cards", "about health"),
    D.REMARK_CHILDREN: R(10, "cards", "about children"),
    D.ORDER_KEY_UNKNOWN: R(150, "orders", "a key that nobody has"),
    D.ORDER_BEFORE_ACCOUNT: R(60, "orders", "earlier than the card or app account"),
    D.ORDER_LINE_REPEATED: R(200, "order lines", "the same line again"),
    D.ORDER_LINE_CONFLICTING: R(350, "order lines", "the same key with another amount"),
    D.ORDER_REFUND: R(30, "order lines", "taken back"),
    D.ORDER_REFUND_PARTIAL: R(4, "refunds", "a part of the amount"),
    D.ORDER_REFUND_FIRST: R(6, "refunds", "stands before its original"),
    D.ORDER_REFUND_OF_NOTHING: R(14, "refunds", "names an original that never comes"),
    D.ORDER_AMOUNT_IMPOSSIBLE: R(400, "order lines", "an extra line whose amount is no amount"),
    D.ORDER_TIME_IMPOSSIBLE: R(400, "order lines", "an extra line whose time is no time"),
    D.ORDER_STATUS_UNKNOWN: R(450, "order lines", "an extra line with a status nobody knows"),
    D.ORDER_ROW_SHORT: R(450, "order lines", "an extra row of five cells"),
    D.ACTIVITY_COUNT_REPLACED: R(300, "activity rows", "the same account, day and kind with another count"),
    D.ACTIVITY_COUNT_IMPOSSIBLE: R(1200, "activity rows", "an extra row whose count is none"),
    D.ACTIVITY_DAY_IMPOSSIBLE: R(1200, "activity rows", "an extra row whose day is none"),
    D.ACTIVITY_KIND_UNKNOWN: R(1200, "activity rows", "an extra row of an unknown kind"),
    D.ACTIVITY_ACCOUNT_UNKNOWN: R(1200, "activity rows", "an extra row about nobody"),
}


class Dice:
    """Says when dirt strikes, and counts how often it did.

    A rare kind strikes exactly once in each run of `one_in` chances, at a random place: ten times among 2,000 people
    is then a promise and not luck.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._chances: Counter[Dirt] = Counter()
        self._place: dict[Dirt, int] = {}
        self.tally: Counter[Dirt] = Counter()

    def strikes(self, kind: Dirt) -> bool:
        """Whether this chance for `kind` is taken."""
        one_in = DIRT[kind].one_in
        if one_in <= COMMON_ONE_IN:
            struck = self._rng.random() * one_in < 1
        else:
            place = self._chances[kind] % one_in
            if not place:
                self._place[kind] = self._rng.randrange(one_in)
            self._chances[kind] += 1
            struck = place == self._place[kind]
        self.tally[kind] += struck
        return struck

    def note(self, kind: Dirt) -> None:
        """Count dirt that came about by other means than `strikes`."""
        self.tally[kind] += 1
