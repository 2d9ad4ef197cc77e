"""Who there is: people with one true name, phone and e-mail each, and the pairs of people that mislead a matcher."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import cycle

from member_hub.demo import words
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import END, START, Draw
from member_hub.demo.words import Place

BORN_FIRST, BORN_LAST = date(1952, 1, 1), date(2010, 12, 31)
CHILD_BORN_FIRST, CHILD_BORN_LAST = date(2013, 1, 1), date(2020, 12, 31)
# The old owner of a recycled phone comes in the first part of the time, the new one in the last.
OLD_OWNER_UNTIL = datetime(2024, 10, 1, tzinfo=START.tzinfo)
NEW_OWNER_FROM = datetime(2025, 3, 1, tzinfo=START.tzinfo)
NAMES_KEPT = 200  # to choose homonyms from


class Channel(StrEnum):
    WEBSITE = "website"
    APP = "app"
    STORE = "store"


# The share of the people who are in each channel; whoever would be in none is drawn again.
PRESENCE = {Channel.WEBSITE: 0.545, Channel.APP: 0.635, Channel.STORE: 0.60}


@dataclass(frozen=True, slots=True)
class Change:
    """From `at` on, `value` holds."""

    at: datetime
    value: str


@dataclass(slots=True)
class Person:
    number: str
    surname: str
    given: str
    is_female: bool
    born: date
    phone: str
    email: str
    place: Place
    unionid: str
    channels: list[Channel]
    since: datetime = START
    until: datetime = END
    junk_phone: str | None = None  # given instead of the phone, on the website or (rather) on the card
    card_phone: str | None = None  # of a family member
    must_give_phone: bool = False  # on every account
    must_verify: bool = False
    must_move: bool = False  # to a new phone, and tell the first channel so
    moved: Change | None = None  # to another phone
    renamed: Change | None = None  # to another given name

    @property
    def name(self) -> str:
        return self.surname + self.given

    def phone_at(self, at: datetime) -> str:
        return self.moved.value if self.moved and at >= self.moved.at else self.phone

    def given_at(self, at: datetime) -> str:
        return self.renamed.value if self.renamed and at >= self.renamed.at else self.given


class People:
    """Makes people, one household of one or two at a time."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._count = 0
        self._names: deque[tuple[str, str]] = deque(maxlen=NAMES_KEPT)
        self._junk = cycle(words.PHONE_JUNK)

    def some(self, count: int) -> Iterator[Person]:
        """At least `count` people (a pair is never cut)."""
        made = 0
        while made < count:
            household = self._household()
            made += len(household)
            yield from household

    def _household(self) -> list[Person]:
        strikes = self._draw.dice.strikes
        person = self._person()
        if strikes(Dirt.PHONE_RECYCLED):
            return self._recycled(person)
        if strikes(Dirt.PHONE_SHARED_IN_FAMILY):
            return self._one_phone(person)
        if strikes(Dirt.PHONE_OF_FAMILY_ON_CARD):
            return self._card_of_family(person)
        if Channel.WEBSITE in person.channels or Channel.STORE in person.channels:
            person.junk_phone = next(self._junk) if strikes(Dirt.PHONE_JUNK) else None
        return [person]

    def _person(self) -> Person:
        draw, strikes = self._draw, self._draw.dice.strikes
        self._count += 1
        female = draw.chance(0.55)
        surname = draw.pick(words.COMPOUND_SURNAMES) if strikes(Dirt.NAME_COMPOUND) else draw.surname()
        given = draw.given(female=female)
        if strikes(Dirt.NAME_RARE):
            given = given[0] + draw.pick(words.RARE)
        if strikes(Dirt.NAME_OF_ANOTHER) and self._names:
            surname, given = draw.pick(self._names)
        self._names.append((surname, given))
        return Person(
            number=f"p{self._count}",
            surname=surname,
            given=given,
            is_female=female,
            born=self._born(),
            phone=draw.foreign_phone() if strikes(Dirt.PHONE_FOREIGN) else draw.phone(),
            email=draw.email(),
            place=draw.pick(words.PLACES),
            unionid=draw.opaque("o6_", 28),
            channels=self._channels(),
        )

    def _born(self) -> date:
        first, last = BORN_FIRST, BORN_LAST
        if self._draw.dice.strikes(Dirt.CHILD):
            first, last = CHILD_BORN_FIRST, CHILD_BORN_LAST
        return first + timedelta(days=self._draw.rng.randrange((last - first).days))

    def _channels(self) -> list[Channel]:
        """In the order in which the person joins: the website is older than the app and the cards."""
        chosen: list[Channel] = []
        while not chosen:
            chosen = [channel for channel, share in PRESENCE.items() if self._draw.chance(share)]
        if chosen[-2:] == [Channel.APP, Channel.STORE] and self._draw.chance(0.5):
            chosen[-2:] = [Channel.STORE, Channel.APP]
        return chosen

    def _recycled(self, old: Person) -> list[Person]:
        """The carrier gave `old`'s phone to somebody new, who proves to hold it."""
        new = self._person()
        old.channels = [Channel.WEBSITE, Channel.STORE] if self._draw.chance(0.2) else [Channel.WEBSITE]
        old.until = OLD_OWNER_UNTIL
        new.channels = new.channels if new.channels != [Channel.STORE] else [Channel.APP, Channel.STORE]
        new.since = NEW_OWNER_FROM
        new.phone = old.phone
        for owner in (old, new):
            owner.must_give_phone = owner.must_verify = True
        old.must_move = self._draw.chance(0.4)
        return [old, new]

    def _one_phone(self, parent: Person) -> list[Person]:
        """Two of a family with accounts under one phone: the younger one's account is on the website."""
        younger = self._relative_of(parent)
        younger.channels = [Channel.WEBSITE]
        younger.phone = parent.phone
        parent.since = younger.since = OLD_OWNER_UNTIL  # so that neither looks like the other's successor
        parent.must_give_phone = younger.must_give_phone = True
        return [parent, younger]

    def _card_of_family(self, holder: Person) -> list[Person]:
        """A card bears the phone of somebody else in the family."""
        relative = self._relative_of(holder)
        if Channel.STORE not in relative.channels:
            relative.channels = [*relative.channels, Channel.STORE]
        relative.card_phone = holder.phone
        holder.must_give_phone = True
        return [holder, relative]

    def _relative_of(self, person: Person) -> Person:
        relative = self._person()
        relative.surname = person.surname if self._draw.chance(0.5) else relative.surname
        if relative.name == person.name:
            relative.given = relative.given[0] + self._draw.pick(words.GIVEN_FEMALE.replace(relative.given[-1], ""))
        relative.place = person.place
        return relative
