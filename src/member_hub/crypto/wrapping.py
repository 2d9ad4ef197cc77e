"""Keys under keys: wrapping with AES-256-GCM bound to a context, key commitment, and keys derived from keys.

    wrapped = algorithm (1) | nonce (12) | encrypted key (32) | tag (16) | commitment (32)

Every stored key is 32 random bytes and only ever an input to HKDF-Expand: what seals, wraps, digests or commits is
derived from it under a label of its own. GCM alone does not commit to its key, so the wrapped form carries a
commitment, and unwrapping checks it: no two keys can be made to answer to one wrapped form.
Nonces are random: one wrapping key may wrap 2**32 keys; an epoch roll (7 days by default) begins a new count.
"""

import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from member_hub.errors import HubError

AES_256_GCM = 1  # 2 is kept for SM4-GCM with HMAC-SM3, the national profile
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
COMMITMENT_BYTES = 32
WRAPPED_BYTES = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES + COMMITMENT_BYTES

_ALGORITHM = bytes([AES_256_GCM])
_COMMITMENT_AT = WRAPPED_BYTES - COMMITMENT_BYTES
_KEY_AT = 1 + NONCE_BYTES
_SHA256 = hashes.SHA256()
_FIRST_BLOCK = b"\x01"  # HKDF counts its blocks; one is all that is ever needed
_LENGTH = struct.Struct(">I")


class CannotOpen(HubError):
    """A sealed value or a wrapped key was not accepted. Says where, never which check failed, never any byte."""

    code = "TAMPERED"

    def __init__(self, where: str, subject: object = None) -> None:
        self.where = where
        self.subject = subject
        super().__init__(f"{where} cannot be opened" + (f" (subject {subject})." if subject is not None else "."))


def joined(*parts: bytes) -> bytes:
    """Parts, each behind its length: no two different lists give the same bytes."""
    return b"".join([_LENGTH.pack(len(part)) + part for part in parts])


def utf8(value: str) -> bytes:
    """Raises ValueError without the value, where Python's own error would carry it (half a surrogate pair)."""
    try:
        return value.encode()
    except UnicodeEncodeError:
        pass  # not raised from here: the error below must not have this one as its context
    raise ValueError("This text has no UTF-8 form.")


WRAP_DOMAIN = joined(b"member-hub/wrap/1")
COMMIT_LABEL = joined(b"member-hub/key/commit/1")
SEAL_LABEL = joined(b"member-hub/key/seal/1")
DIGEST_LABEL = joined(b"member-hub/key/digest/1")
FINGERPRINT_LABEL = joined(b"member-hub/key/fingerprint/1")
KEY_WRAP_LABEL = joined(b"member-hub/key/wrap/1")
INDEX_LABEL = joined(b"member-hub/key/index/1")


def derived(key: bytes, label: bytes) -> bytes:
    """HKDF-Expand (RFC 5869) with SHA-256, one block: 32 bytes for this label out of a random key."""
    return hmac.digest(key, label + _FIRST_BLOCK, "sha256")


def wrapping_cipher(key: bytes) -> AESGCM:
    """What wraps other keys under `key`."""
    return AESGCM(derived(key, KEY_WRAP_LABEL))


def fingerprint(key: bytes) -> bytes:
    """A key check value: tells whether two processes hold the same key, and nothing about it."""
    return derived(key, FINGERPRINT_LABEL)[:16]


def wrap(cipher: AESGCM, key: bytes, context: bytes, nonce: bytes) -> bytes:
    """`key` in its stored form; only `unwrap` with the same cipher and context gives it back."""
    commitment = derived(key, COMMIT_LABEL + context)
    return _ALGORITHM + nonce + cipher.encrypt(nonce, key, WRAP_DOMAIN + _ALGORITHM + context) + commitment


def unwrap(cipher: AESGCM, wrapped: bytes, context: bytes) -> bytes | None:
    """The key; None for whatever was not wrapped so, without saying why."""
    found = unwrap_for_sealing(cipher, wrapped, context)
    return found[0] if found else None


def unwrap_for_sealing(cipher: AESGCM, wrapped: bytes, context: bytes) -> tuple[bytes, bytes] | None:
    """As `unwrap`, with the key that seals values beside it: the two derivations share their beginning."""
    if len(wrapped) != WRAPPED_BYTES or wrapped[:1] != _ALGORITHM:
        return None
    try:
        key = cipher.decrypt(wrapped[1:_KEY_AT], wrapped[_KEY_AT:_COMMITMENT_AT], WRAP_DOMAIN + _ALGORITHM + context)
    except InvalidTag:
        return None
    commitment = HMAC(key, _SHA256)
    sealing = commitment.copy()
    commitment.update(COMMIT_LABEL + context + _FIRST_BLOCK)
    if not hmac.compare_digest(commitment.finalize(), wrapped[_COMMITMENT_AT:]):
        return None
    sealing.update(SEAL_LABEL + _FIRST_BLOCK)
    return key, sealing.finalize()
