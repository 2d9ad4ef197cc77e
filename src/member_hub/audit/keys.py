"""The audit key: one private file, from which come the key of the entries' digests and the key that signs seals."""

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from member_hub import private

FILE: Final = "audit.key"
_SIGNED: Final = b"member-hub audit seal v1\x00"


@dataclass(frozen=True, slots=True)
class AuditKeys:
    entries: bytes = field(repr=False)
    _signing: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The keys of the folder, made on first use; processes that start at once get the same ones.

        Raises Misconfigured for a file that others may read, or that is damaged.
        """
        seed = private.make_seed(folder / FILE, remedy="Restore it: only it proves the audit log.")
        signing = Ed25519PrivateKey.from_private_bytes(_derived(seed, b"audit seals v1"))
        return cls(_derived(seed, b"audit entries v1"), signing)

    @property
    def public(self) -> bytes:
        return self._signing.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.public).hexdigest()[:16]

    def sign(self, digest: bytes) -> bytes:
        return self._signing.sign(_SIGNED + digest)

    def signed(self, digest: bytes, signature: bytes) -> bool:
        """Whether the signature is ours."""
        try:
            self._signing.public_key().verify(signature, _SIGNED + digest)
        except InvalidSignature:
            return False
        return True


def _derived(seed: bytes, label: bytes) -> bytes:
    return hmac.digest(seed, label, "sha256")
