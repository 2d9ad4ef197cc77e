"""The keys of tokens that the hub signs itself: made on first use, readable by its owner alone, or refused."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from member_hub import private

FILE: Final = "development-token.key"
_REMEDY: Final = "Delete it: the next token makes a new one, earlier tokens end."


def load_or_make(folder: Path, name: str = FILE) -> Ed25519PrivateKey:
    """The key of the folder. Two processes that start at once get the same one. Raises Misconfigured."""
    return Ed25519PrivateKey.from_private_bytes(private.make_seed(folder / name, remedy=_REMEDY))


def load(file: Path) -> Ed25519PrivateKey:
    """Raises Misconfigured for a file that is damaged or can be reached by others, FileNotFoundError."""
    return Ed25519PrivateKey.from_private_bytes(private.read_seed(file, remedy=_REMEDY))
