"""Keys, sealed values, the blind index, and the erasure ledger outside the database."""

from member_hub.crypto.chain import Entry, Head, LedgerBroken, LedgerKind, Note
from member_hub.crypto.keyset import Item, KeySet
from member_hub.crypto.layout import sealed_row
from member_hub.crypto.ledger import Ledger
from member_hub.crypto.ring import IndexKind
from member_hub.crypto.sealing import Sealed
from member_hub.crypto.vault import Vault
from member_hub.crypto.wrapping import CannotOpen

__all__ = [
    "CannotOpen",
    "Entry",
    "Head",
    "IndexKind",
    "Item",
    "KeySet",
    "Ledger",
    "LedgerBroken",
    "LedgerKind",
    "Note",
    "Sealed",
    "Vault",
    "sealed_row",
]
