"""The key ring of a process: root, epochs, keys of the blind index; made on the first run and checked ever after."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hmac import compare_digest
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy import Row, exists, func, insert, select

from member_hub.crypto.keyfiles import RESTORE, KeyProvider, epoch_key, local_file
from member_hub.crypto.tables import DataKey, KeyState, RegisteredKey
from member_hub.crypto.wrapping import (
    INDEX_LABEL,
    KEY_BYTES,
    NONCE_BYTES,
    CannotOpen,
    derived,
    fingerprint,
    joined,
    unwrap,
    wrap,
    wrapping_cipher,
)
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Misconfigured

FOUNDING_LOCK = 0x6D68_7661  # advisory: one process at a time makes or checks the ring
FIRST_EPOCH = 1


class RegistryKind(StrEnum):
    """What stands in the registry by fingerprint only."""

    ROOT = "root"
    EPOCH = "epoch"


class IndexKind(StrEnum):
    """What has a key of its own, so that neither two kinds nor two uses can be compared with each other."""

    ACCOUNT = "account"
    UNIONID = "unionid"
    OPENID = "openid"
    CARD = "card"
    PHONE = "phone"
    EMAIL = "email"
    DEVICE = "device"
    MESSAGE = "message"  # ids of deliveries, for the inbox
    PAYLOAD = "payload"  # what was delivered, for the inbox
    MEMBER_CODE = "member_code"  # what a member shows at the till
    ONE_TIME_CODE = "one_time_code"
    ADDRESS = "address"  # network addresses that ask for codes
    CONSENT_HEAD = "consent_head"  # where each history of consent ends: a MAC, not to be found by
    SUPPRESSION = "suppression"  # of the erased; never rotated with the index (DESIGN 6)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a process holds in memory. The root stays with its provider."""

    provider: str
    epochs: Mapping[int, AESGCM]
    epoch: int  # under which new data keys are wrapped
    index: Mapping[str, Mapping[int, HMAC]]  # kind, then version, newest first: prepared, to be copied


async def load_ring(tx: Tx, key_dir: Path, now: datetime) -> KeyRing:
    """The ring of this database and key folder; makes both where the database has no key yet.

    Safe to call from several processes at once. Files are on disk before the rows that speak of them are committed,
    so dying in between leaves keys that the next start uses. Raises Misconfigured if folder and database differ.
    """
    await tx.execute(select(func.pg_advisory_xact_lock(FOUNDING_LOCK)))
    rows = (await tx.execute(select(*table_of(RegisteredKey).c))).all()
    is_new = not rows and not (await tx.execute(select(exists(select(DataKey.subject))))).scalar_one()
    provider = local_file(key_dir, may_create=is_new)
    numbers = [row.version for row in rows if row.kind == RegistryKind.EPOCH] or [FIRST_EPOCH]
    epochs = {n: epoch_key(key_dir, n, provider, may_create=is_new) for n in numbers}
    if is_new:
        await _register_files(tx, provider, epochs, now)
    else:
        _compare(rows, provider, epochs)
    return await _with_index(tx, rows, provider, epochs, now)


def index_context(kind: str, version: int, epoch: int) -> bytes:
    return joined(b"index", kind.encode(), version.to_bytes(4), epoch.to_bytes(4))


def prepared_index(keys: Mapping[tuple[str, int], bytes]) -> dict[str, dict[int, HMAC]]:
    """Index keys by kind and version as HMACs that begin with the kind, newest first."""
    index: dict[str, dict[int, HMAC]] = {}
    for kind, version in sorted(keys, key=lambda key: (key[0], -key[1])):
        prepared = HMAC(derived(keys[kind, version], INDEX_LABEL), hashes.SHA256())
        prepared.update(joined(kind.encode()))
        index.setdefault(kind, {})[version] = prepared
    return index


async def _register_files(tx: Tx, provider: KeyProvider, epochs: Mapping[int, bytes], now: datetime) -> None:
    prints = [(RegistryKind.ROOT, 1, provider.fingerprint())]
    prints += [(RegistryKind.EPOCH, n, fingerprint(key)) for n, key in epochs.items()]
    await tx.execute(
        insert(RegisteredKey),
        [
            {"kind": kind, "version": n, "fingerprint": shown, "state": KeyState.ACTIVE, "created_at": now}
            for kind, n, shown in prints
        ],
    )


def _compare(rows: Iterable[Row[Any]], provider: KeyProvider, epochs: Mapping[int, bytes]) -> None:
    """Refuse a key folder that is not the one this database was begun with."""
    known = {(row.kind, row.version): row.fingerprint for row in rows}
    found = {(RegistryKind.ROOT.value, 1): provider.fingerprint()}
    found |= {(RegistryKind.EPOCH.value, n): fingerprint(key) for n, key in epochs.items()}
    for key, shown in found.items():
        if not compare_digest(known.get(key, b""), shown):
            raise Misconfigured(f"The {key[0]} key in the key folder is not the one of this database.", remedy=RESTORE)


async def _with_index(
    tx: Tx, rows: Iterable[Row[Any]], provider: KeyProvider, epochs: Mapping[int, bytes], now: datetime
) -> KeyRing:
    ciphers = {n: wrapping_cipher(key) for n, key in epochs.items()}
    epoch = max(ciphers)
    keys = {(row.kind, row.version): _index_key(row, ciphers) for row in rows if row.wrapped is not None}
    missing = [kind for kind in IndexKind if not any(kind == known for known, _ in keys)]
    if missing:  # the first run, or the first after an update that brought a kind
        fresh = {kind: os.urandom(KEY_BYTES) for kind in missing}
        await tx.execute(
            insert(RegisteredKey), [_index_row(k, v, ciphers[epoch], epoch, now) for k, v in fresh.items()]
        )
        keys |= {(kind.value, 1): key for kind, key in fresh.items()}
    return KeyRing(provider.name, ciphers, epoch, prepared_index(keys))


def _index_row(kind: str, key: bytes, cipher: AESGCM, epoch: int, now: datetime) -> dict[str, object]:
    wrapped = wrap(cipher, key, index_context(kind, 1, epoch), os.urandom(NONCE_BYTES))
    return {
        "kind": kind,
        "version": 1,
        "epoch": epoch,
        "wrapped": wrapped,
        "fingerprint": fingerprint(key),
        "state": KeyState.ACTIVE,
        "created_at": now,
    }


def _index_key(row: Row[Any], ciphers: Mapping[int, AESGCM]) -> bytes:
    cipher = ciphers.get(row.epoch)
    opened = unwrap(cipher, row.wrapped, index_context(row.kind, row.version, row.epoch)) if cipher else None
    if opened is None:
        raise CannotOpen(f"vault.key_registry {row.kind} {row.version}")
    return opened
