"""The four database roles and who may connect as them: one login, which takes a role when it connects.

Their names carry the database's name, because roles belong to the whole server and two hubs may share one.
"""

from enum import StrEnum

from member_hub.errors import Misconfigured

NAME_BYTES_MAX = 63  # PostgreSQL cuts longer names, and two roles could become one


class Role(StrEnum):
    OWNER = "owner"  # migrations
    APP = "app"  # rows of hub and vault
    AUDIT = "audit"  # adds to the audit log
    BACKUP = "backup"  # reads hub, nothing of vault


def role_name(prefix: str, role: Role) -> str:
    """`<database>_<role>`. Raises Misconfigured where that is too long."""
    name = f"{prefix}_{role}"
    if len(name.encode()) > NAME_BYTES_MAX:
        raise Misconfigured("The database's name is too long for role names made from it.", remedy="Rename it.")
    return name


def quoted(name: str) -> str:
    """An identifier as SQL writes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
