"""Where the files beside the code are: in the checkout, or inside an installed wheel."""

from pathlib import Path

from member_hub.errors import Misconfigured

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `alembic`, `policies` or `schema`: the wheel carries copies under `_data`."""
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent.parent / name):
        if candidate.is_dir():
            return candidate
    raise Misconfigured(f"The folder {name} is missing from this installation.", remedy="Install the wheel again.")
