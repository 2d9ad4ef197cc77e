"""How a member code is written: ten bytes as sixteen characters, for a QR or bar code, or to be typed.

Decision: six random bytes and four of a keyed digest over them and the handler, in Crockford's alphabet (no I, L, O, U;
case, blanks and hyphens do not count). Sixteen characters fit the smallest QR code, and nothing of the member is in
them. A forged code fails its signature before the database is asked.
Price: not every guess is kept out by the signature alone. What keeps guesses from finding anybody is that all eighty
bits have to be those of a code of the last minute, and that look-ups are limited per caller.
"""

from typing import Final

NUMBER_BYTES = 6
SIGNATURE_BYTES = 4
CODE_BYTES = NUMBER_BYTES + SIGNATURE_BYTES
CODE_CHARS = CODE_BYTES * 8 // 5
GROUP_CHARS = 4
TEXT_CHARS_MAX = 40  # with blanks and hyphens

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_READ_AS: Final = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})


def written(code: bytes) -> str:
    """Sixteen characters; the code that a QR or bar code carries."""
    number = int.from_bytes(code)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(CODE_CHARS)))


def grouped(text: str) -> str:
    """The same to be read out or typed: 7K3M-Q9XV-2HTD-0A1B."""
    return "-".join(text[at : at + GROUP_CHARS] for at in range(0, len(text), GROUP_CHARS))


def canonical(text: str) -> str:
    """A good code in the one spelling in which it was issued."""
    code = read(text)
    return text if code is None else written(code)


def read(text: str) -> bytes | None:
    """The ten bytes of a code in any spelling that people use; None for what is none."""
    if len(text) > TEXT_CHARS_MAX or not text.isascii():
        return None
    plain = text.upper().translate(_READ_AS)
    if len(plain) != CODE_CHARS or not all(character in _VALUES for character in plain):
        return None
    number = 0
    for character in plain:
        number = number << 5 | _VALUES[character]
    return number.to_bytes(CODE_BYTES)
