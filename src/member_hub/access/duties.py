"""Separation of duties, checked on what Casbin allowed and not on what the lines seem to say."""

from collections.abc import Mapping

from member_hub.access.deciding import Cell
from member_hub.access.register import FILE, How, Never, Register, Right, Role
from member_hub.access.words import Verdict
from member_hub.organisation import PolicyError


def check_duties(register: Register, verdicts: Mapping[Cell, Verdict]) -> None:
    """Raises PolicyError, naming the duty and the role, where one role holds what it never may."""
    for never in register.never:
        for role in register.roles.values():
            if role.name not in never.whom and role.kind not in never.whom:
                continue
            held = [right for right in never.rights if _holds(role, right, verdicts)]
            if held and (never.how is How.ANY or len(held) == len(never.rights)):
                raise PolicyError(FILE, 0, _broken(never, role, held))


def _holds(role: Role, right: Right, verdicts: Mapping[Cell, Verdict]) -> bool:
    """Over all purposes of the role: one person may act in each of them, one after the other."""
    return any(
        verdicts.get((role.name, purpose, object_, action), Verdict.DENIED).reach >= right.outcome.reach
        for purpose in role.purposes
        for object_, action in right.cells
    )


def _broken(never: Never, role: Role, held: list[Right]) -> str:
    rights = "; ".join(f"{right.object} {right.action} {right.outcome}" for right in held)
    return f"the duty {never.name!r} is broken: {role.name} holds {rights}"
