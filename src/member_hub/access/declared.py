"""Holds the policy against the privacy declarations: no column is read for a purpose that it was not collected for."""

from collections.abc import Iterator

from sqlalchemy import MetaData

from member_hub.access.grants import Grant, Policies
from member_hub.access.words import GUARDS, RowScope, Verdict
from member_hub.privacy import Purpose, declaration


def undeclared(policies: Policies, metadata: MetaData) -> list[str]:
    """What does not fit, one sentence each, sorted; empty where policy and declarations agree.

    A member reads what is held about himself whatever it was collected for (PIPL 45), and a grant without rows
    reads nothing: these two are left out.
    """
    return sorted(set(_findings(policies, metadata)))


def _findings(policies: Policies, metadata: MetaData) -> Iterator[str]:
    for guard, purposes, where in _guarded(metadata):
        if guard not in GUARDS:
            yield f"{where} names the guard {guard!r}, which no policy knows"
        for grant in policies.grants.values():
            if grant.purpose in purposes:
                continue
            if _reads(grant, guard):
                yield f"{grant.role} reads {guard} for {grant.purpose}, which {where} does not declare"
            if grant.aggregates is not None and grant.may_aggregate(guard):
                yield f"{grant.role} counts by {guard} for {grant.purpose}, which {where} does not declare"


def _reads(grant: Grant, guard: str) -> bool:
    return (
        grant.rows not in (RowScope.SELF, RowScope.CHILDREN, RowScope.NONE) and grant.read(guard) is not Verdict.DENIED
    )


def _guarded(metadata: MetaData) -> Iterator[tuple[str, frozenset[Purpose], str]]:
    for table in metadata.tables.values():
        for column in table.columns:
            declared = declaration(column)
            if declared.guard is not None:
                yield declared.guard, declared.purposes, f"{table.fullname}.{column.name}"
