"""Merkle roots as in RFC 6962: leaves and nodes are hashed apart, so neither can pass for the other. Pure."""

import hashlib
from collections.abc import Iterable


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over the leaves in their order; memory grows with the logarithm of their number."""
    peaks: list[tuple[int, bytes]] = []  # of complete trees, with their heights, the largest first
    for leaf in leaves:
        height, digest = 0, hashlib.sha256(b"\x00" + leaf).digest()
        while peaks and peaks[-1][0] == height:
            height, digest = height + 1, _node(peaks.pop()[1], digest)
        peaks.append((height, digest))
    if not peaks:
        return hashlib.sha256(b"").digest()
    _, root = peaks.pop()
    while peaks:
        root = _node(peaks.pop()[1], root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
