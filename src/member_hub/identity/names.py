"""What a typed name says: how to show it, how to compare it, and whether it is a whole name at all.

Compared are simplified characters without spaces; shown is what was typed. A masked name (张*) and one with an
honorific (张先生) say the surname only. A Chinese name and a Latin one cannot be compared and say nothing about each
other. What is only similar in sound is told apart from what is different; nothing else is fuzzy here.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import opencc

from member_hub.identity.homophones import sound_alike

NAME_MAX = 40

_COMPOUND: Final = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 申屠 公孙 "
    "慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 亓官 司寇 巫马 颛孙 漆雕 乐正 拓跋 轩辕 令狐 百里 呼延 东郭 南门 "
    "羊舌 梁丘 左丘 西门 南荣 纳兰".split()
)
_HONORIFICS: Final = ("先生", "女士", "小姐", "太太", "夫人", "老师", "同志", "师傅", "阿姨", "叔叔", "经理")
_LATIN_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam"})
_NO_NAMES: Final = frozenset(
    "无 没有 无名 无名氏 不详 未知 匿名 匿名用户 保密 测试 测试用户 用户 会员 顾客 客户 散客 null none nil nan "
    "undefined unknown anonymous test guest user customer member na".split()
)
_MASKS: Final = str.maketrans(dict.fromkeys("×✱＊●某", "*"))
_MIDDLE_DOTS: Final = str.maketrans(dict.fromkeys("•・‧∙●·", "·"))
_REMARK = re.compile(r"[(\[【].*$")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇·]+")
_MASKED = re.compile(r"([\u3400-\u9fff\U00020000-\U0003ffff]{1,2})\*[*\u3400-\u9fff\U00020000-\U0003ffff]*")
_MASKED_LATIN = re.compile(r"([^\W\d_]+)[ *]*\*+[ *]*")
_LATIN_WORD = re.compile(r"[^\W\d_]+(?:['’.\-][^\W\d_]+)*\.?")


class Agreement(StrEnum):
    """What two names say about being one person's."""

    FULL = "full"
    HOMOPHONE = "homophone"  # one surname, given names that sound alike: a typing slip, or two people
    SURNAME_ONLY = "surname_only"  # one of them says no more; this and the one above never suffice by themselves
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, repr=False)
class Name:
    """One stated name. Only a full one may be chosen over another, or decide anything alone."""

    display: str
    compare: str
    surname: str
    is_full: bool

    @property
    def is_chinese(self) -> bool:
        return _CHINESE.fullmatch(self.surname) is not None


def name(raw: object) -> Name | None:
    """Read a name as typed; None where it is no name (empty, 无, 用户3979, a masked surname)."""
    if not isinstance(raw, str) or len(raw) > 4 * NAME_MAX:
        return None
    display = _cleaned(raw)
    if not display or len(display) > NAME_MAX or display.casefold() in _NO_NAMES:
        return None
    return _chinese(display) or _masked(display) or _latin(display)


def names_agree(a: Name | None, b: Name | None) -> Agreement:
    """Compare two names; symmetrical. A missing name, or another script, is UNKNOWN."""
    if a is None or b is None or a.is_chinese is not b.is_chinese:
        return Agreement.UNKNOWN
    if a.is_full and b.is_full:
        if a.compare == b.compare:
            return Agreement.FULL
        alike = a.surname == b.surname and a.is_chinese and sound_alike(a.compare, b.compare)
        return Agreement.HOMOPHONE if alike else Agreement.CONFLICT
    if a.is_chinese:
        # 欧* may be 欧阳锋 masked after one character, so the shorter surname has to open the longer one's name.
        short, long = sorted((_known(a), _known(b)), key=len)
        return Agreement.SURNAME_ONLY if long.startswith(short) else Agreement.CONFLICT
    # A single Latin word is a given name as often as a surname: it can agree, and never contradict.
    words, others = set(a.compare.split()), set(b.compare.split())
    return Agreement.SURNAME_ONLY if words <= others or others <= words else Agreement.UNKNOWN


def _known(name_: Name) -> str:
    return name_.compare if name_.is_full else name_.surname


def _cleaned(raw: str) -> str:
    """NFKC, without emoji, marks of direction and remarks in brackets; spaces go between Chinese characters."""
    text = unicodedata.normalize("NFKC", raw.translate(_MIDDLE_DOTS))
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    text = "".join(c for c in text if unicodedata.category(c) not in ("So", "Sk") and not "\ufe00" <= c <= "\ufe0f")
    text = " ".join(_REMARK.sub("", text).split()).strip(" ,;:、，。'\"")
    squeezed = text.replace(" ", "")
    return squeezed if squeezed and _is_mostly_chinese(squeezed) else text


def _is_mostly_chinese(text: str) -> bool:
    return _CHINESE.match(text) is not None


def _chinese(display: str) -> Name | None:
    """张伟, 欧阳娜娜, 阿卜杜拉·买买提; and 张先生, 欧阳, 张, which say the surname only."""
    if not _CHINESE.fullmatch(display):
        return None
    compare = simplified(display)
    if "某" in compare[1:]:
        return None if compare[0] == "某" else _surname_only(display, compare.split("某")[0])
    for honorific in _HONORIFICS:
        if compare.endswith(honorific) and len(compare) > len(honorific):
            compare = compare.removesuffix(honorific)
            break
    surname = compare[:2] if compare[:2] in _COMPOUND else compare[:1]
    if compare == surname:
        return _surname_only(display, surname)
    return Name(display, compare, surname, is_full=True)


def _masked(display: str) -> Name | None:
    """张*, 欧阳**, 张*伟: whatever the mask shows beside the surname is too little to tell people apart."""
    text = simplified(display.translate(_MASKS))
    if found := _MASKED.fullmatch(text):
        shown = found.group(1)
        return _surname_only(display, shown if shown in _COMPOUND else shown[:1])
    if found := _MASKED_LATIN.fullmatch(text):
        return _surname_only(display, found.group(1).casefold())
    return None


def _latin(display: str) -> Name | None:
    """Words in any order (John Smith, SMITH, John); one word alone says little."""
    words = [word.casefold().strip(".") for word in display.replace(",", " ").split()]
    if not all(_LATIN_WORD.fullmatch(word) for word in words) or _CHINESE.search(display):
        return None
    words = [word for word in words if word not in _LATIN_TITLES]
    if not words or any(word in _NO_NAMES for word in words):
        return None
    compare = " ".join(sorted(words))
    return Name(display, compare, words[-1], is_full=len(words) > 1)


def _surname_only(display: str, surname: str) -> Name:
    return Name(display, surname, surname, is_full=False)


def simplified(text: str) -> str:
    """Character by character, so that a character never depends on its neighbours."""
    convert = _converter().convert
    return "".join(convert(c) if c > "\u3400" else c for c in text)


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")
