"""The role x purpose x field matrix of the compiled policy, as text: a change of policy is a readable diff.

`python -m member_hub.access > policies/matrix.txt` writes the committed one; a test says that it is current.
"""

from collections.abc import Iterable, Iterator

from member_hub.access.grants import Grant, NoRows, Policies
from member_hub.access.words import Action, Facts, Guard, Key, Operation

_TITLE = "Generated from policy.csv and register.toml; do not edit. 由策略生成,请勿手改。"
_BLANK = "."  # denied


def matrix(policies: Policies) -> str:
    """What every role sees and may do for each of its purposes; a dot is denied. Ends in a line feed."""
    grants = [policies.grant(role, purpose) for role, purpose in policies.register.pairs]
    parts = (_TITLE, "", *_reading(grants), "", *_doing(grants))
    return "\n".join(line.rstrip() for line in parts) + "\n"


def _reading(grants: Iterable[Grant]) -> Iterator[str]:
    fields = [guard.removeprefix("member.") for guard in Guard]
    yield from _table(
        [("READING", "rows", *fields)]
        + [
            (f"{grant.role}, {grant.purpose}{when}", _rows(grant), *(_verdict(grant, guard) for guard in Guard))
            for ordinary in grants
            for when, grant in _readings(ordinary)
        ]
    )


def _readings(grant: Grant) -> Iterator[tuple[str, Grant]]:
    """The ordinary reading, and those that hold for one request or one case only."""
    yield "", grant
    if till := grant.at_till():
        yield ", at the till", till
    if (case := grant.in_open_case()) != grant:
        yield ", in an open case", case


def _rows(grant: Grant) -> str:
    """The row scope, and whose consent the purpose takes; where that cannot be checked, what the policy says."""
    if grant.no_rows_because is NoRows.CONSENT_NOT_AVAILABLE:
        return f"{grant.rows} ({grant.rows_stated} with consent)"
    return f"{grant.rows}, consented" if grant.rows_with_consent else grant.rows


def _verdict(grant: Grant, guard: Guard) -> str:
    verdict = grant.read(guard)
    return verdict if verdict.reach else _BLANK


def _doing(grants: Iterable[Grant]) -> Iterator[str]:
    yield "DOING (what is not named is denied)"
    for grant in grants:
        yield f"{grant.role}, {grant.purpose}"
        yield from (f"    {what:<10}  {', '.join(words)}" for what, words in _rights(grant) if words)


def _rights(grant: Grant) -> Iterator[tuple[str, list[str]]]:
    yield "call", [operation for operation in Operation if grant.may(operation)]
    yield "look up by", [key for key in Key if grant.may_look_up(key)]
    yield "count", [f"members of the {grant.aggregates}"] if grant.aggregates else []
    for action in (Action.FILTER, Action.SORT, Action.AGGREGATE, Action.WRITE, Action.REVEAL):
        reached = ((field, grant.verdict(field, action)) for field in (*Facts, *Guard))
        yield action, [f"{field} ({verdict})" for field, verdict in reached if verdict.reach]


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True))
