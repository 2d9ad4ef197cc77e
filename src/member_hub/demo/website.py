"""The website's messages: an account as it was at `updated_at`, one JSON object each."""

from datetime import datetime, timedelta
from typing import Any

from member_hub.demo import spelling, words
from member_hub.demo.accounts import Account
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw
from member_hub.demo.people import Person

# A message is mixed JSON on its way to json.dumps; nothing reads it back.
Message = dict[str, Any]
NOTICES = ("website-2024-01", "website-2025-06")
WEEKS_LATER = timedelta(days=20)


def messages(draw: Draw, account: Account) -> list[Message]:
    """The first message about the account and, where it was updated, a later one."""
    person, strikes = account.person, draw.dice.strikes
    first = _first(draw, account)
    if account.since >= person.until - timedelta(days=1):
        return [first]
    is_typed_only = "phone" in first and first["phone_verified_at"] is None
    is_verified_later = is_typed_only and strikes(Dirt.PHONE_VERIFIED_BY_UPDATE)
    if not (is_verified_later or account.changed_at or strikes(Dirt.UPDATED)):
        return [first]
    update = _update(draw, account, first)
    if is_verified_later:
        update["phone_verified_at"] = update["updated_at"]
    return [first, update]


def _first(draw: Draw, account: Account) -> Message:
    person, at = account.person, account.since
    message: Message = {
        "message_id": draw.message_id(),
        "account": account.key,
        "registered_at": at.isoformat(),
        "name": spelling.name(draw, person, at),
        "gender": "" if draw.dice.strikes(Dirt.GENDER_MISSING) else "F" if person.is_female else "M",
        "birthday": None if draw.dice.strikes(Dirt.BIRTHDAY_MISSING) else spelling.birthday(draw, person.born),
        "updated_at": at.isoformat(),
    }
    if account.phone:
        message["phone"] = spelling.phone(draw, account.phone)
        message["phone_verified_at"] = _verified_at(draw, account)
    message |= _email(draw, account)
    if draw.chance(0.4):
        message["address"] = _address(draw, person)
    message["consents"] = _consents(draw, at, NOTICES[0])
    return message


def _verified_at(draw: Draw, account: Account) -> str | None:
    if not account.person.must_verify and draw.dice.strikes(Dirt.PHONE_TYPED_ONLY_WEBSITE):
        return None
    late = draw.dice.strikes(Dirt.PHONE_VERIFIED_WEEKS_LATER)
    delay = WEEKS_LATER if late else timedelta(minutes=draw.rng.randrange(4))
    return (account.since + delay).isoformat()


def _email(draw: Draw, account: Account) -> Message:
    """A second account nearly always has the e-mail of the first: its owner is the same."""
    strikes = draw.dice.strikes
    if strikes(Dirt.EMAIL_MISSING):
        return {}
    if account.person.junk_phone is None and strikes(Dirt.EMAIL_JUNK):
        email = words.EMAIL_JUNK
    elif strikes(Dirt.EMAIL_INVALID):
        email = account.person.email.replace("@", draw.pick(("", "@@", "@.", " at ")))
    else:
        email = account.person.email
    if strikes(Dirt.EMAIL_UPPER_CASE):
        email = email.upper()
    return {"email": email, "email_verified": not strikes(Dirt.EMAIL_UNVERIFIED)}


def _address(draw: Draw, person: Person) -> Message:
    receiver = person.name
    if draw.dice.strikes(Dirt.RECEIVER_OTHER):
        receiver = draw.surname() + draw.given(female=draw.chance(0.5))
    rng = draw.rng
    return {
        "province": person.place.province,
        "city": person.place.city,
        "district": person.place.district,
        "street": f"{draw.pick(words.STREETS)}{rng.randrange(1, 900)}号{rng.randrange(1, 30)}栋"
        f"{rng.randrange(1, 30)}{rng.randrange(1, 5):02}室",
        "receiver": receiver,
    }


def _consents(draw: Draw, at: datetime, notice: str) -> list[Message]:
    said = {"service_terms": True}
    if draw.chance(0.7):
        said["marketing_sms"] = draw.chance(0.55)
    if draw.chance(0.75):
        said["personalisation"] = draw.chance(0.6)
    return [{"purpose": p, "granted": yes, "at": at.isoformat(), "notice": notice} for p, yes in said.items()]


def _update(draw: Draw, account: Account, first: Message) -> Message:
    person, strikes = account.person, draw.dice.strikes
    tomorrow = account.since + timedelta(days=1)
    at = account.changed_at or draw.moment(tomorrow, max(person.until, tomorrow + timedelta(days=1)))
    message = first | {"message_id": draw.message_id(), "updated_at": at.isoformat()}
    if strikes(Dirt.CONSENT_CHANGED):
        message["consents"] = _consents(draw, at, NOTICES[1])
    if account.moved:
        message |= {"phone": account.moved.value, "phone_verified_at": at.isoformat()}
    if account.renamed:
        message["name"] = person.surname + account.renamed.value
    if "email" in message and strikes(Dirt.EMAIL_CHANGED):
        message |= {"email": draw.email(), "email_verified": True}
    return message
