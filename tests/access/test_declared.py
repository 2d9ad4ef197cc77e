"""The policy is held against the privacy declarations of the columns."""

from pathlib import Path

from sqlalchemy import Column, MetaData, Table, Text

from member_hub.access import Policies, undeclared
from member_hub.privacy import TAILORED, Purpose, personal, technical


def _columns(*columns: Column[str]) -> MetaData:
    metadata = MetaData()
    Table("thing", metadata, *columns)
    return metadata


def test_a_column_collected_for_service_is_read_and_counted_by_for_nothing_else(policies: Policies) -> None:
    metadata = _columns(Column("gender", Text, info=personal(zh="性别", en="gender", guard="member.gender")))

    assert undeclared(policies, metadata) == [
        "app_crm reads member.gender for marketing, which thing.gender does not declare",
        "marketing_analyst counts by member.gender for analytics, which thing.gender does not declare",
        "membership_manager counts by member.gender for analytics, which thing.gender does not declare",
        "membership_manager reads member.gender for analytics, which thing.gender does not declare",
        "membership_manager reads member.gender for marketing, which thing.gender does not declare",
        "membership_manager reads member.gender for personalisation, which thing.gender does not declare",
    ]


def test_a_purpose_counts_as_soon_as_it_reaches_somebody(shipped: Path) -> None:
    consenting = Policies.load(shipped, consent_keys={"marketing"})
    metadata = _columns(Column("tag", Text, info=personal(zh="标签", en="tag", guard="member.tags")))

    assert "app_crm reads member.tags for marketing, which thing.tag does not declare" in undeclared(
        consenting, metadata
    )


def test_a_column_that_declares_its_purposes_fits(policies: Policies) -> None:
    wide = TAILORED | {Purpose.ANALYTICS}
    info = personal(zh="性别", en="gender", guard="member.gender", purposes=wide)
    metadata = _columns(Column("id", Text, info=technical("id")), Column("gender", Text, info=info))

    assert undeclared(policies, metadata) == []


def test_a_guard_that_no_policy_knows_is_found(policies: Policies) -> None:
    metadata = _columns(Column("shoe", Text, info=personal(zh="鞋码", en="shoe size", guard="member.shoe")))

    assert undeclared(policies, metadata) == ["thing.shoe names the guard 'member.shoe', which no policy knows"]


def test_a_member_reads_his_own_data_whatever_it_was_collected_for(policies: Policies) -> None:
    info = personal(zh="活跃", en="activity", guard="member.activity", purposes=[Purpose.ACTIVITY_EVALUATION])

    found = undeclared(policies, _columns(Column("count", Text, info=info)))

    assert found == ["dpo reads member.activity for rights_handling, which thing.count does not declare"]
