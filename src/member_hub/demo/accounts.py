"""Which accounts a person has, since when, and which phone each of them was given."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from member_hub.demo import words
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw
from member_hub.demo.people import Change, Channel, Person

_MISSING = {
    Channel.WEBSITE: Dirt.PHONE_MISSING_WEBSITE,
    Channel.APP: Dirt.PHONE_MISSING_APP,
    Channel.STORE: Dirt.PHONE_MISSING_STORE,
}
FIRST_APPIDS = ("wx_mini_1", "wx_mini_2")
SECOND_APPID = "wx_mini_3"
TABLETS = 20
SETTLED = timedelta(days=30)  # nobody changes phone or name before


@dataclass(slots=True)
class Account:
    """One channel account; `phone` is what the person or the clerk gave, before it is spelled."""

    channel: Channel
    key: str
    person: Person
    since: datetime
    phone: str | None
    is_second: bool = False
    appid: str = ""
    openid: str = ""
    unionid: str | None = None
    device: str = ""
    nickname: str = ""
    moved: Change | None = None  # told by an update of this account
    renamed: Change | None = None

    @property
    def changed_at(self) -> datetime | None:
        """When its owner told of a new phone or name."""
        return max((change.at for change in (self.moved, self.renamed) if change), default=None)


def accounts_of(draw: Draw, person: Person) -> Iterator[Account]:
    """Every account of a person, in the order in which they were opened."""
    since = person.since
    for channel in person.channels:
        since = draw.moment(since, person.until)
        account = _account(draw, person, channel, since)
        if account.since + SETTLED < person.until:
            _change(draw, account)
        yield account
        if channel is Channel.WEBSITE and draw.dice.strikes(Dirt.TWO_WEBSITE_ACCOUNTS):
            yield _second_on_website(draw, account)
        if channel is Channel.APP and draw.dice.strikes(Dirt.SEVERAL_APPIDS):
            yield _second_in_app(draw, account)


def _account(draw: Draw, person: Person, channel: Channel, since: datetime) -> Account:
    phone = _phone(draw, person, channel, since)
    match channel:
        case Channel.WEBSITE:
            return Account(channel, draw.website_account(), person, since, phone)
        case Channel.STORE:
            return Account(channel, draw.card(), person, since, phone)
        case Channel.APP:
            return Account(
                channel,
                draw.user_id(),
                person,
                since,
                phone,
                appid=draw.pick(FIRST_APPIDS),
                openid=draw.opaque("oX", 28),
                unionid=_unionid(draw, person),
                device=_device(draw),
                nickname=_nickname(draw, person),
            )


def _change(draw: Draw, account: Account) -> None:
    """The owner moves to a new phone or takes a new name, tells this account, and uses it from then on."""
    person, strikes = account.person, draw.dice.strikes
    start = account.since + SETTLED
    may_move = account.channel is not Channel.STORE and person.moved is None and account.phone == person.phone
    if may_move and (person.must_move or (not person.must_give_phone and strikes(Dirt.PHONE_CHANGED))):
        account.moved = person.moved = Change(draw.moment(start, person.until), draw.phone())
    if account.channel is Channel.WEBSITE and strikes(Dirt.NAME_CHANGED):
        given = draw.given(female=person.is_female)
        account.renamed = person.renamed = Change(draw.moment(start, person.until), given)


def _second_on_website(draw: Draw, first: Account) -> Account:
    """Somebody who forgot the first account opens another, mostly with the same phone and e-mail."""
    person = first.person
    since = draw.moment(first.since, person.until)
    phone = _phone_then(first, since) if draw.chance(0.8) else None
    return Account(Channel.WEBSITE, draw.website_account(), person, since, phone, is_second=True)


def _second_in_app(draw: Draw, first: Account) -> Account:
    """The same WeChat user in another mini-program of the brand: what WeChat knows is the same."""
    since = draw.moment(first.since, first.person.until)
    return Account(
        Channel.APP,
        draw.user_id(),
        first.person,
        since,
        _phone_then(first, since),
        is_second=True,
        appid=SECOND_APPID,
        openid=draw.opaque("oX", 28),
        unionid=_unionid(draw, first.person),
        device=first.device,
        nickname=first.nickname,
    )


def _phone_then(first: Account, at: datetime) -> str | None:
    """The phone of the first account, as it is at a later time."""
    return first.moved.value if first.moved and at >= first.moved.at else first.phone


def _phone(draw: Draw, person: Person, channel: Channel, at: datetime) -> str | None:
    """The phone of the account; where the person has one to mislead with, dirt that would hide it stays away."""
    if channel is Channel.STORE and person.card_phone:
        return person.card_phone
    phone = person.phone_at(at)
    if person.must_give_phone:
        return phone
    if person.junk_phone and channel is (Channel.STORE if Channel.STORE in person.channels else Channel.WEBSITE):
        return person.junk_phone
    if draw.dice.strikes(_MISSING[channel]):
        return None
    if draw.dice.strikes(Dirt.PHONE_OTHER):
        return draw.phone()
    if channel is Channel.STORE and not phone.startswith("+") and draw.dice.strikes(Dirt.PHONE_TYPO):
        return _typo(draw, phone)
    return phone


def _typo(draw: Draw, phone: str) -> str:
    """One of the last eight digits is wrong."""
    place = draw.rng.randrange(3, len(phone))
    digit = (int(phone[place]) + draw.rng.randrange(1, 10)) % 10
    return f"{phone[:place]}{digit}{phone[place + 1 :]}"


def _unionid(draw: Draw, person: Person) -> str | None:
    return None if draw.dice.strikes(Dirt.UNIONID_MISSING) else person.unionid


def _device(draw: Draw) -> str:
    if draw.dice.strikes(Dirt.DEVICE_SHARED_TABLET):
        return f"ipad-store-{draw.rng.randrange(TABLETS):02}"
    return draw.device()


def _nickname(draw: Draw, person: Person) -> str:
    last = person.given[-1]
    if draw.dice.strikes(Dirt.NICKNAME_IS_NAME):
        return person.name
    if draw.dice.strikes(Dirt.NICKNAME_NUMBER):
        return f"用户{draw.rng.randrange(10_000):04}"
    if draw.dice.strikes(Dirt.NICKNAME_EMOJI):
        return f"{draw.pick(words.NICKNAME_EMOJI)}{last}{last}"
    return f"小{last}"
