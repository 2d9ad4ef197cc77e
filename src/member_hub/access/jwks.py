"""The public keys of a JWKS document (RFC 7517) with which a token of ours may be signed; every other is left out.

A key counts where it is for signatures, has a name of its own, holds nothing private, and fits an algorithm that the
operator allowed. Two keys of one name are none: nobody could say which of them signed. One algorithm per look-up: what
a key is for is settled here, from the key, so a header chooses among what fits and never the kind of key.
"""

from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

KEYS_MAX = 50
KID_CHARS_MAX = 200
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192

PublicKey = RSAKey | ECKey | OKPKey

# Algorithm -> kind of key and curve. Asymmetric only: with a symmetric one, whoever can check a token can make one.
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "RS256": ("RSA", None),
        "PS256": ("RSA", None),
        "ES256": ("EC", "P-256"),
        "EdDSA": ("OKP", "Ed25519"),  # RFC 8037; deprecated by RFC 9864 for the next one, still what most servers write
        "Ed25519": ("OKP", "Ed25519"),
    }
)
_SAME: Final = frozenset({"EdDSA", "Ed25519"})  # two names of one algorithm on this curve
_PARTS: Final = MappingProxyType({"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")})
_PRIVATE: Final = frozenset("d p q dp dq qi oth k".split())


class NotAKeySet(Exception):
    """The document is no JWKS, or holds more keys than anybody needs."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    public: PublicKey
    algorithms: frozenset[str]


def keys_of(document: object, allowed: Collection[str]) -> Mapping[str, SigningKey]:
    """By kid. Raises NotAKeySet; a single key that cannot be used is left out, for others may want it."""
    stated = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(stated, list) or len(stated) > KEYS_MAX:
        raise NotAKeySet
    entries = [entry for entry in stated if isinstance(entry, dict)]
    names = [entry.get("kid") for entry in entries]
    found = {}
    for entry, kid in zip(entries, names, strict=True):
        if isinstance(kid, str) and 0 < len(kid) <= KID_CHARS_MAX and names.count(kid) == 1:
            key = _key(entry, allowed)
            if key is not None:
                found[kid] = key
    return MappingProxyType(found)


def _key(entry: Mapping[str, object], allowed: Collection[str]) -> SigningKey | None:
    if entry.get("use") != "sig" or not _PRIVATE.isdisjoint(entry) or "verify" not in _operations(entry):
        return None
    algorithms = frozenset(a for a in allowed if _fits(entry, a))
    if not algorithms:
        return None
    public = _public(entry)
    return SigningKey(public, algorithms) if public else None


def _operations(entry: Mapping[str, object]) -> Collection[object]:
    stated = entry.get("key_ops", ["verify"])
    return stated if isinstance(stated, list) else ()


def _fits(entry: Mapping[str, object], algorithm: str) -> bool:
    kind, curve = ALGORITHMS[algorithm]
    stated = entry.get("alg", algorithm)
    named = stated == algorithm or (isinstance(stated, str) and {stated, algorithm} == _SAME)
    return named and entry.get("kty") == kind and (curve is None or entry.get("crv") == curve)


def _public(entry: Mapping[str, object]) -> PublicKey | None:
    """From the parts that make the key alone; what else stands there (x5c, x5u) is not looked at."""
    kind = str(entry["kty"])
    parts: dict[str, str | list[str]] = {p: v for p in _PARTS[kind] if isinstance(v := entry.get(p), str)}
    if len(parts) != len(_PARTS[kind]):
        return None
    try:
        match kind:
            case "RSA":
                # The library warns of a short key and takes it.
                return RSAKey.import_key(parts) if RSA_BITS_MIN <= _bits(str(parts["n"])) <= RSA_BITS_MAX else None
            case "EC":
                return ECKey.import_key(parts)
            case _:
                return OKPKey.import_key(parts)
    except (JoseError, ValueError, TypeError):
        return None


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(number + "=" * (-len(number) % 4))).bit_length()
