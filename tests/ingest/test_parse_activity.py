from datetime import date
from pathlib import Path

import pytest

from member_hub.ingest.records import ActivityRecord
from member_hub.ingest.rows import BadRow
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.orders.rules import ActivityKind
from tests.ingest.samples import ACTIVITY, ACTIVITY_HEADER, parsed


def activity(folder: Path, **changes: str) -> ActivityRecord | BadRow:
    cells = dict(zip(ACTIVITY_HEADER.split(","), ACTIVITY.split(","), strict=True)) | changes
    (found,) = parsed(folder, Source.ACTIVITY, f"{ACTIVITY_HEADER}\n{','.join(cells.values())}\n")
    assert isinstance(found, (ActivityRecord, BadRow))
    return found


def test_a_days_count_is_read(tmp_path: Path) -> None:
    found = activity(tmp_path)

    assert isinstance(found, ActivityRecord)
    said = found.statement
    assert (said.channel, said.account, said.day) == (Channel.APP, "A100000001", date(2026, 9, 22))
    assert (said.kind, said.count) == (ActivityKind.VISIT, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channel": "fax"}, "bad_channel"),
        ({"account": ""}, "missing_key"),
        ({"day": ""}, "missing_time"),
        ({"day": "2026-02-30"}, "impossible_time"),
        ({"day": "2026-11-10"}, "impossible_time"),
        ({"day": "1999-12-31"}, "impossible_time"),
        ({"kind": "purchase"}, "bad_kind"),
        ({"count": ""}, "bad_count"),
        ({"count": "-1"}, "bad_count"),
        ({"count": "2.5"}, "bad_count"),
        ({"count": "40000"}, "bad_count"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    found = activity(tmp_path, **changes)

    assert isinstance(found, BadRow)
    assert found.reason == reason


def test_a_refused_count_is_found_by_its_account(tmp_path: Path) -> None:
    known, unknown = activity(tmp_path, count="x", channel="website"), activity(tmp_path, channel="fax")

    assert isinstance(known, BadRow)
    assert isinstance(unknown, BadRow)
    assert [(hint.kind, hint.namespace) for hint in known.hints] == [("account", "website")]
    assert [hint.namespace for hint in unknown.hints] == ["website", "wx_mini_1", "wx_mini_2", "wx_mini_3", "brand"]
