"""How people and clerks write what they were asked for: names, phones and birthdays in every spelling."""

from collections.abc import Callable
from datetime import date, datetime

from member_hub.demo import words
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw
from member_hub.demo.people import Person

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
CHINESE_DIGITS = 11  # of a mobile number without country code

_PHONE: dict[Dirt, Callable[[str], str]] = {
    Dirt.PHONE_PLUS_86: lambda p: f"+86{p}",
    Dirt.PHONE_0086: lambda p: f"0086{p}",
    Dirt.PHONE_SPACES: lambda p: f"{p[:3]} {p[3:7]} {p[7:]}",
    Dirt.PHONE_DASHES: lambda p: f"{p[:3]}-{p[3:7]}-{p[7:]}",
    Dirt.PHONE_PADDED: lambda p: f" {p}\u3000",
    Dirt.PHONE_FULL_WIDTH: lambda p: p.translate(FULL_WIDTH),
}
_BIRTHDAY: dict[Dirt, Callable[[date], str]] = {
    Dirt.BIRTHDAY_SLASHES: lambda d: f"{d:%Y/%m/%d}",
    Dirt.BIRTHDAY_DOTS: lambda d: f"{d:%Y.%m.%d}",
    Dirt.BIRTHDAY_COMPACT: lambda d: f"{d:%Y%m%d}",
    Dirt.BIRTHDAY_UNPADDED: lambda d: f"{d.year}-{d.month}-{d.day}",
    Dirt.BIRTHDAY_CHINESE: lambda d: f"{d.year}年{d.month:02}月{d.day:02}日",
    Dirt.BIRTHDAY_CHINESE_UNPADDED: lambda d: f"{d.year}年{d.month}月{d.day}日",
    Dirt.BIRTHDAY_FULL_WIDTH: lambda d: d.isoformat().translate(FULL_WIDTH),
}
_HOMOPHONES = {char: group.replace(char, "") for group in words.HOMOPHONES for char in group}


def phone(draw: Draw, number: str) -> str:
    if len(number) != CHINESE_DIGITS or not number.isdecimal() or number in words.PHONE_JUNK:
        return number
    for dirt, spell in _PHONE.items():
        if draw.dice.strikes(dirt):
            return spell(number)
    return number


def birthday(draw: Draw, born: date) -> str:
    if draw.dice.strikes(Dirt.BIRTHDAY_IMPOSSIBLE):
        return draw.pick(words.BIRTHDAY_IMPOSSIBLE)
    for dirt, spell in _BIRTHDAY.items():
        if draw.dice.strikes(dirt):
            return spell(born)
    return born.isoformat()


def name(draw: Draw, person: Person, at: datetime) -> str:
    """The name as somebody typed it at that time; at most one thing is wrong with it."""
    strikes, surname, given = draw.dice.strikes, person.surname, person.given_at(at)
    if strikes(Dirt.NAME_MASKED):
        return surname + "*" * len(given)
    if strikes(Dirt.NAME_HONORIFIC):
        return surname + ("女士" if person.is_female else "先生")
    if strikes(Dirt.NAME_SPACED):
        return f"{surname} {given}"
    sounding = [place for place, char in enumerate(given) if char in _HOMOPHONES]
    if sounding and strikes(Dirt.NAME_HOMOPHONE):
        place = draw.pick(sounding)
        return surname + given[:place] + draw.pick(_HOMOPHONES[given[place]]) + given[place + 1 :]
    old_form = "".join(words.TO_TRADITIONAL.get(char, char) for char in surname + given)
    if old_form != surname + given and strikes(Dirt.NAME_TRADITIONAL):
        return old_form
    return surname + given
