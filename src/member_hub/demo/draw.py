"""Draws identifiers, times and choices from one seeded stream; two identifiers never collide by accident.

A collision would be a false match that the truth file knows nothing of. Instead of remembering everything it ever
drew, each kind walks an affine cycle over its whole number space, so memory does not grow with the set.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from math import gcd
from random import Random
from typing import TypeVar

from member_hub.clock import SHANGHAI
from member_hub.demo import words
from member_hub.demo.dirt import Dice

T = TypeVar("T")
START = datetime(2023, 1, 1, tzinfo=SHANGHAI)
END = datetime(2026, 10, 31, tzinfo=SHANGHAI)
# Numbers from here on are never issued: the first thousands belong to the fixed members, the rest to nobody.
RESERVED_ACCOUNT = 900_000_000
RESERVED_CARD = 99_000_000
FIXED_NUMBERS = 10_000
SUFFIX = 10**8
FOREIGN = tuple(f"+852{n}" for n in (61, 63, 64, 65, 69, 94, 96, 97)) + tuple(f"+65{n}" for n in range(81, 99))
FOREIGN_SUFFIX = 10**6
EMAIL_LETTERS = 5
OPAQUE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SURNAMES = tuple(words.SURNAMES)
_SURNAME_WEIGHTS = tuple(accumulate(words.SURNAMES.values()))


class Serial:
    """Distinct numbers below `size`, in an order that looks random."""

    def __init__(self, rng: Random, size: int) -> None:
        self._size = size
        self._at = rng.randrange(size)
        self._step = rng.randrange(size // 3, size // 2)
        while gcd(self._step, size) != 1:
            self._step += 1

    def take(self) -> int:
        self._at = (self._at + self._step) % self._size
        return self._at


class Draw:
    """Everything random about one demo set."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311  (nothing here is a secret, and a seed has to repeat)
        self.dice = Dice(self.rng)
        self._phones = Serial(self.rng, len(words.PHONE_PREFIXES) * SUFFIX)
        self._foreign = Serial(self.rng, len(FOREIGN) * FOREIGN_SUFFIX)
        self._accounts = Serial(self.rng, RESERVED_ACCOUNT)
        self._users = Serial(self.rng, RESERVED_ACCOUNT)
        self._cards = Serial(self.rng, RESERVED_CARD)
        self._emails = Serial(self.rng, 26**EMAIL_LETTERS)

    def phone(self) -> str:
        """Eleven digits of a Chinese mobile."""
        prefix, suffix = divmod(self._phones.take(), SUFFIX)
        return f"{words.PHONE_PREFIXES[prefix]}{suffix:08}"

    def foreign_phone(self) -> str:
        prefix, suffix = divmod(self._foreign.take(), FOREIGN_SUFFIX)
        return f"{FOREIGN[prefix]}{suffix:06}"

    def website_account(self) -> str:
        return f"W{self._accounts.take():09}"

    def user_id(self) -> str:
        return f"A{self._users.take():09}"

    def card(self) -> str:
        return f"88{self._cards.take():08}"

    def nobodys_account(self, letter: str) -> str:
        """A website account (W) or user_id (A) that is never issued."""
        return f"{letter}{self.rng.randrange(RESERVED_ACCOUNT + FIXED_NUMBERS, 10**9):09}"

    def nobodys_card(self) -> str:
        return f"88{self.rng.randrange(RESERVED_CARD + FIXED_NUMBERS, 10**8):08}"

    def email(self) -> str:
        number, letters = self._emails.take(), ""
        for _ in range(EMAIL_LETTERS):
            number, letter = divmod(number, 26)
            letters += chr(ord("a") + letter)
        return f"{letters}{self.rng.randrange(1000)}@{self.pick(words.EMAIL_DOMAINS)}"

    def opaque(self, prefix: str, length: int) -> str:
        """An openid or unionid: as long as WeChat's."""
        return prefix + "".join(self.rng.choices(OPAQUE, k=length - len(prefix)))

    def device(self) -> str:
        return f"dev-{self.rng.getrandbits(48):012x}"

    def message_id(self) -> str:
        text = f"{self.rng.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def surname(self) -> str:
        return self.rng.choices(_SURNAMES, cum_weights=_SURNAME_WEIGHTS)[0]

    def given(self, *, female: bool) -> str:
        given = words.GIVEN_FEMALE if female else words.GIVEN_MALE
        return "".join(self.rng.choices(given, k=2 if self.chance(0.82) else 1))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.rng.random() * len(choices))]

    def moment(self, start: datetime, end: datetime) -> datetime:
        """A whole second from `start` on and before `end`."""
        seconds = int((end - start).total_seconds())
        return start + timedelta(seconds=int(self.rng.random() * max(seconds, 1)))
