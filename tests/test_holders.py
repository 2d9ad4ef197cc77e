"""Whoever stores something about a person answers for it: exporting, erasing, merging and splitting (DESIGN 2)."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Column, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from member_hub import privacy
from member_hub.holders import HOLDERS
from member_hub.privacy import DataClass, Form, Holder, declaration
from member_hub.tables import METADATA

# Tables that a holder need not answer for although they have something to do with people, and why.
EXCEPTIONS = {
    "vault.data_key": "keys, not data: whoever erases destroys them by subject",
    "vault.key_registry": "keys of the hub, about nobody",
    "hub.inbox": "keyed digests of deliveries: they lead to no account, and keep what was erased from coming again",
    "hub.idempotency": "keyed digests of requests, for seven days; the member id leads to a tombstone",
    "hub.ingest_run": "counts and a keyed digest of a file",
    "hub.merge_event": "ids only, which lead to nothing once their rows are gone; an unmerge needs them",
    "hub.audit_entry": "who looked at whom, by id, to be kept whoever was erased (PIPL 9, 56, 69)",
    "hub.audit_subject": "which entries name whom, by id, to be kept as long as they (PIPL 9, 56, 69)",
    "hub.audit_seal": "signatures over the audit log, about nobody",
    "hub.audit_seal_part": "how far a seal goes, about nobody",
    "hub.sign_in_try": "keyed digests of network addresses, for a day; they lead to no member",
    "hub.benefit_round": "how far the clock has come with the birthdays of a month; about nobody",
    "hub.daily_count": "how often a staff number did a limited thing today; about no member",
    "hub.notice": "the text that everybody is informed by, about nobody",
    "hub.notice_text": "the text that everybody is informed by, about nobody",
    "hub.consent_gate": "which bit stands for which purpose, about nobody",
    "hub.ledger_head": "how far the outside ledger is known, about nobody",
    "hub.points_check": "how far the self-check has come, about nobody",
    "hub.points_finding": "which accounts do not add up, by id, until they do; the books have to (points/tables.py)",
    "hub.tier_rules": "rules of the programme, and which staff number proposed and approved them; about no member",
    "hub.tier_threshold": "quantiles over all members of a handler; about nobody",
    "hub.tier_review_day": "when the quantiles were computed last; about nobody",
    "hub.tag": "definitions of tags, about nobody",
    "hub.tag_threshold": "quantiles of figures, about nobody",
    "hub.tag_round": "how far an evaluation has come, about nobody",
    "hub.statistics_snapshot": "rounded numbers of groups of twenty and more; about nobody",
}


def unanswered(metadata: MetaData, answering: Sequence[Holder] = HOLDERS) -> Iterator[str]:
    """What is wrong with who answers for which table."""
    holders = Counter(table for holder in answering for table in holder.tables)
    for name, table in metadata.tables.items():
        is_personal = any(declaration(column).form is not Form.TECHNICAL for column in table.columns)
        if is_personal and name in EXCEPTIONS:
            yield f"{name} has personal columns and is an exception"
        if holders[name] > 1:
            yield f"{name} has {holders[name]} holders"
        if not holders[name] and name not in EXCEPTIONS:
            yield f"{name} has no holder"
    yield from (f"{name} is no table" for name in {*holders, *EXCEPTIONS} - set(metadata.tables))


def test_every_table_has_exactly_one_holder_or_says_why_it_has_none() -> None:
    assert list(unanswered(METADATA)) == []


def test_a_new_table_without_a_holder_is_found() -> None:
    assert _with_probe(Column("note", LargeBinary, info=privacy.sealed(DataClass.CONTACT, zh="备注", en="note"))) == [
        "hub.probe has no holder"
    ]
    assert _with_probe(Column("hint", LargeBinary, info=privacy.token(zh="盲索引", en="blind index"))) == [
        "hub.probe has no holder"
    ]
    assert _with_probe(Column("city", Text, info=privacy.personal(zh="城市", en="city"))) == ["hub.probe has no holder"]


def test_a_personal_column_in_an_excepted_table_is_found() -> None:
    copy = _copy()
    personal = Column("said", Text, info=privacy.personal(zh="说明", en="said"))
    copy.tables["hub.inbox"].append_column(personal)

    assert list(unanswered(copy)) == ["hub.inbox has personal columns and is an exception"]


def test_a_table_with_two_holders_is_found() -> None:
    twice = [*HOLDERS, next(holder for holder in HOLDERS if "hub.quarantine" in holder.tables)]

    assert list(unanswered(METADATA, twice)) == ["hub.quarantine has 2 holders"]


def test_a_holder_of_a_table_that_is_not_there_is_found() -> None:
    copy = _copy()
    copy.remove(copy.tables["hub.activity"])

    assert list(unanswered(copy)) == ["hub.activity is no table"]


def test_every_holder_offers_all_four_duties() -> None:
    duties = [name for name in vars(Holder) if not name.startswith("_") and callable(getattr(Holder, name))]

    assert sorted(duties) == ["absorb", "erase_for", "export_for", "give_back"]
    assert [(type(h).__name__, duty) for h in HOLDERS for duty in duties if not callable(getattr(h, duty, None))] == []


def _copy() -> MetaData:
    copy = MetaData(schema=METADATA.schema)
    for table in METADATA.tables.values():
        table.to_metadata(copy)
    return copy


def _with_probe(column: Column[object]) -> list[str]:
    copy = _copy()
    Table("probe", copy, Column("id", UUID, primary_key=True, info=privacy.technical("random id")), column)
    return list(unanswered(copy))
