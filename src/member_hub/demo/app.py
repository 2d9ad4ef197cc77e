"""The app's and mini-programs' events: a profile as it was at `ts`, one JSON object each."""

from datetime import datetime, timedelta
from typing import Any

from member_hub.demo import spelling
from member_hub.demo.accounts import Account
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw

Event = dict[str, Any]


def events(draw: Draw, account: Account) -> list[Event]:
    """The first event of the account and, where something happened later, another."""
    strikes, first = draw.dice.strikes, _first(draw, account)
    if account.since >= account.person.until - timedelta(days=1):
        return [first]
    is_typed_only = "mobile" in first and first["mobile_auth_time"] is None
    is_verified_later = is_typed_only and strikes(Dirt.PHONE_VERIFIED_BY_UPDATE)
    if not (is_verified_later or account.moved or strikes(Dirt.UPDATED)):
        return [first]
    update = _update(draw, account, first)
    if is_verified_later:
        update["mobile_auth_time"] = update["ts"]
    return [first, update]


def _first(draw: Draw, account: Account) -> Event:
    person = account.person
    event: Event = {
        "event_id": draw.message_id(),
        "type": "profile",
        "user_id": account.key,
        "appid": account.appid,
        "openid": account.openid,
        "unionid": account.unionid,
        "device_id": account.device,
        "nickname": account.nickname,
        "birth": spelling.birthday(draw, person.born) if draw.chance(0.3) else None,
        "city": person.place.city if draw.chance(0.5) else None,
        "push_opt_in": draw.chance(0.5),
        "ts": _ms(account.since),
    }
    if event["birth"] is None:
        draw.dice.note(Dirt.BIRTHDAY_MISSING)
    if account.phone:
        event["mobile"] = spelling.phone(draw, account.phone)
        event["mobile_auth_time"] = _authorised_at(draw, account)
    return event


def _authorised_at(draw: Draw, account: Account) -> int | None:
    """When WeChat or an SMS confirmed the phone: at the event, or some time before where a second app learnt it."""
    if not account.person.must_verify and draw.dice.strikes(Dirt.PHONE_TYPED_ONLY_APP):
        return None
    before = timedelta(days=draw.rng.randrange(1, 90)) if account.is_second else timedelta()
    return _ms(max(account.since - before, account.person.since))


def _update(draw: Draw, account: Account, first: Event) -> Event:
    person = account.person
    tomorrow = account.since + timedelta(days=1)
    at = account.changed_at or draw.moment(tomorrow, max(person.until, tomorrow + timedelta(days=1)))
    event = first | {"event_id": draw.message_id(), "ts": _ms(at), "push_opt_in": draw.chance(0.5)}
    if account.is_second:
        return event
    phone = None
    if account.moved:
        phone = account.moved.value
    elif "mobile" not in first:
        phone = person.phone_at(at) if draw.chance(0.3) else None
    elif first["mobile_auth_time"] is not None:
        phone = account.phone
    if phone:
        event |= {"mobile": spelling.phone(draw, phone), "mobile_auth_time": _ms(at)}
    return event


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
