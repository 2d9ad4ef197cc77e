"""The key that signs what members take away of consent (receipts, exports), and checking such a file without the hub.

A signed file is canonical JSON whose `proof` holds a detached JWS over the rest:

    payload = the object without `proof`, as canonical JSON        proof.jws = <header>..<Ed25519 signature>

Decision: the JWS is detached as RFC 7515 appendix F has it, with the payload in base64url within what is signed; not
RFC 7797 (`b64: false`). Any JOSE library checks it once the payload is put back between the dots, while 7797 needs
`crit` to be understood and saves nothing for files of a few kilobytes. The algorithm is named `Ed25519` (RFC 9864).
Decision: the file is good byte for byte only. Canonical is RFC 8785 as far as it goes here: keys of ASCII in order, no
spaces, UTF-8, whole numbers. Another spelling of the same content, a key said twice, a space more are refused: nobody
has to think about which of two readers sees what. Price: a file that an editor has laid out anew has to be had again.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from member_hub import private
from member_hub.errors import HubError, Misconfigured

FILE: Final = "consent.key"
SIGNED_BYTES_MAX: Final = 50 * 1024 * 1024
ALGORITHM: Final = "Ed25519"
PROOF_TYPE: Final = "JsonWebSignature"
_ALGORITHMS: Final = [ALGORITHM]


class NotGenuine(HubError):
    """The file is not, byte for byte, what this key signed."""

    code = "NOT_GENUINE"


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """Of one hub; its public half is given to whoever shall check."""

    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The key of the folder, made on first use; processes that start at once get the same one.

        Raises Misconfigured for a file that others may read, or that is damaged.
        """
        seed = private.make_seed(folder / FILE, remedy="Restore it: only it proves receipts given.")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def public_in(cls, folder: Path) -> bytes:
        """The public half of the folder's key, where there is one: checking makes no key. Raises Misconfigured."""
        if not (folder / FILE).exists():
            raise Misconfigured("This hub has signed no receipt yet.", remedy="Name the key to check with: --public.")
        return cls.open(folder).public

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return key_id(self.public)

    def signed(self, said: Mapping[str, Any]) -> bytes:
        """The file: what is said, with its proof."""
        header = {"alg": ALGORITHM, "kid": self.key_id}
        compact = jws.serialize_compact(header, canonical(said), self._jwk(), algorithms=_ALGORITHMS)
        head, _, signature = compact.split(".")
        return canonical({**said, "proof": {"type": PROOF_TYPE, "jws": f"{head}..{signature}"}})

    def _jwk(self) -> OKPKey:
        return OKPKey.import_key(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": _encoded(self.public),
                "d": _encoded(self._private.private_bytes_raw()),
            }
        )


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def canonical(said: Mapping[str, Any]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def verified(content: bytes, public: bytes) -> dict[str, Any]:
    """What a signed file says, once it is sure that this key signed these very bytes. Raises NotGenuine."""
    try:
        said = orjson.loads(content)
        proof = said.pop("proof")
        head, between, signature = proof["jws"].split(".")
        is_ours = between == "" and proof == {"type": PROOF_TYPE, "jws": f"{head}..{signature}"}
        compact = f"{head}.{_encoded(canonical(said))}.{signature}"
        checked = jws.deserialize_compact(compact, _public(public), algorithms=_ALGORITHMS)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError, JoseError) as error:
        raise NotGenuine("The file is not what was signed here.") from error
    is_ours &= checked.protected == {"alg": ALGORITHM, "kid": key_id(public)}
    if not is_ours or canonical({**said, "proof": proof}) != content:
        raise NotGenuine("The file is not what was signed here.")
    return dict(said)


def public_of(text: str) -> bytes:
    """A public key as `member-hub consent key` prints it. Raises Misconfigured."""
    try:
        public = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
        Ed25519PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise Misconfigured("That is no public key.", remedy="Take what `member-hub consent key` prints.") from error
    return public


def _public(public: bytes) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _encoded(public)})


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
