"""The stores' cards: one row each, typed by staff into the old system."""

from member_hub.demo import spelling, words
from member_hub.demo.accounts import Account
from member_hub.demo.dirt import Dirt
from member_hub.demo.draw import Draw

HEADER = ("卡号", "姓名", "性别", "手机号", "生日", "办卡门店", "办卡日期", "导购工号", "会员等级", "积分余额", "备注")
STORES = tuple(f"SH{n:03}" for n in range(1, 41))
STAFF = 300
BALANCE_MAX = 30_000
_REMARKS = {
    Dirt.REMARK_LINE_BREAK: words.REMARK_LINE_BREAK,
    Dirt.REMARK_FORMULA: words.REMARK_FORMULA,
    Dirt.REMARK_SQL: words.REMARK_SQL,
    Dirt.REMARK_MARKUP: words.REMARK_MARKUP,
    Dirt.REMARK_QUOTES: words.REMARK_QUOTES,
    Dirt.REMARK_HEALTH: words.REMARK_HEALTH,
    Dirt.REMARK_CHILDREN: words.REMARK_CHILDREN,
}
Row = list[str]


def rows(draw: Draw, account: Account) -> list[Row]:
    """The card's row, and what a careless export put beside it."""
    strikes, row = draw.dice.strikes, _row(draw, account)
    found = [row]
    if strikes(Dirt.CARD_ROW_REPEATED):
        found.append(row)
    if strikes(Dirt.CARD_ROW_SHORT):
        found.append([draw.nobodys_card(), "断行", "", "13"])
    if strikes(Dirt.CARD_NUMBER_MISSING):
        found.append(["", *_stranger(draw, row)])
    if strikes(Dirt.CARD_BALANCE_IMPOSSIBLE):
        balance = draw.pick(("n/a", "1.5e3", "-", "一千"))
        found.append([draw.nobodys_card(), *_stranger(draw, row)[:-2], balance, ""])
    return found


def _stranger(draw: Draw, row: Row) -> Row:
    """A row like this one, without its card number, of somebody who is in no other file."""
    return [draw.surname() + draw.given(female=True), row[2], draw.phone(), *row[4:]]


def _row(draw: Draw, account: Account) -> Row:
    person, strikes = account.person, draw.dice.strikes
    row = [
        account.key,
        spelling.name(draw, person, account.since),
        "" if draw.chance(0.11) else "女" if person.is_female else "男",
        spelling.phone(draw, account.phone) if account.phone else "",
        "" if strikes(Dirt.BIRTHDAY_MISSING) else spelling.birthday(draw, person.born),
        draw.pick(STORES),
        f"{account.since:%Y-%m-%d %H:%M:%S}",
        f"E{draw.rng.randrange(1, STAFF):04}",
        draw.pick(words.OLD_TIERS),
        str(draw.rng.randrange(1, BALANCE_MAX)) if draw.chance(1 / 3) else "0",
        _remark(draw),
    ]
    if not row[2]:
        draw.dice.note(Dirt.GENDER_MISSING)
    return row


def _remark(draw: Draw) -> str:
    for dirt, remarks in _REMARKS.items():
        if draw.dice.strikes(dirt):
            return draw.pick(remarks)
    return draw.pick(words.REMARK_PLAIN) if draw.chance(0.4) else ""
