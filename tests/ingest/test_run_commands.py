"""The commands around importing, as an operator types them."""

import json

from member_hub.members.tables import Channel
from tests.hub import order, verified, website
from tests.ingest.commands import Commands

BAD_TIME = website("W1", "2025-01-01", name="张晓明") | {"updated_at": "2025-02-30"}


def write(commands: Commands, name: str, *rows: dict[str, object] | str) -> str:
    file = commands.folder / name
    file.write_text(
        "".join(f"{r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)}\n" for r in rows), "utf-8"
    )
    return str(file)


async def test_several_files_are_imported_and_bad_rows_are_no_failure(commands: Commands) -> None:
    one = write(commands, "one.jsonl", website("W1", "2025-01-01"), "broken")
    two = write(commands, "two.jsonl", website("W2", "2025-01-01"))

    ended = commands.run("ingest", "website", one, two, "--json")

    first, second = ended.json
    assert (first["source"], first["read"], first["new_members"], first["quarantined"]) == (
        "website",
        2,
        1,
        {"malformed": 1},
    )
    assert (second["read"], second["new_members"], second["adds_up"]) == (1, 1, True)


async def test_the_summary_for_people_names_every_row(commands: Commands) -> None:
    file = write(commands, "one.jsonl", website("W1", "2025-01-01"), website("W1", "2025-01-01"), "broken")

    ended = commands.run("ingest", "website", file, "--dry-run")

    assert ended.status == 0
    said = [line.split()[:3] for line in ended.output.splitlines()]
    assert ["3", "rows", "read"] in said
    assert ["1", "new", "members"] in said
    assert ["1", "duplicate", "deliveries"] in said
    assert ["1", "quarantined", "已隔离:"] in said
    assert "nothing was kept" in ended.output
    assert ended.output.rstrip().endswith("every row is accounted for")
    assert (await commands.hub.picture()).people == frozenset()


async def test_a_file_that_cannot_be_read_is_refused(commands: Commands) -> None:
    file = write(commands, "wrong.csv", "a,b", "1,2")

    ended = commands.run("ingest", "orders", file)

    assert ended.status == 1
    assert ended.errors.startswith("member-hub: wrong.csv has no column")
    assert commands.run("ingest", "sofa", file).status == 2


async def test_quarantine_is_listed_shown_and_retried(commands: Commands) -> None:
    commands.run("ingest", "website", write(commands, "one.jsonl", BAD_TIME))
    (row,) = commands.run("quarantine", "list", "--json").json
    run, line = str(row["run_id"]), str(row["line"])

    assert (row["line"], row["source"], row["reason"]) == (1, "website", "impossible_time")
    assert json.loads(commands.run("quarantine", "show", run, line).output) == BAD_TIME
    assert commands.run("quarantine", "show", run, "9").status == 1
    again = commands.run("quarantine", "retry", run, line)
    assert (again.status, again.output) == (0, "1 tried, 0 applied, 1 refused again.\n")
    corrected = write(commands, "corrected.json", BAD_TIME | {"updated_at": "2025-02-28"})
    assert commands.run("quarantine", "retry", run, line, "--with", corrected, "--json").json == {
        "retried": 1,
        "applied": 1,
        "refused": 0,
    }
    assert commands.run("quarantine", "list", "--json").json == []
    assert (await commands.hub.picture()).profile(Channel.WEBSITE, "W1")["name"] == "张晓明"


async def test_accounts_are_kept_apart_and_the_same_files_do_not_unite_them_again(commands: Commands) -> None:
    phone = {"name": "张晓明", **verified("2025-01-01", "13911110001")}
    file = write(commands, "one.jsonl", website("W1", "2025-01-01", **phone), website("W2", "2025-02-01", **phone))
    commands.run("ingest", "website", file)
    assert (await commands.hub.picture()).numbers() == {frozenset({"W1", "W2"})}

    first = commands.run("identity", "keep-apart", "website:W1", "website:W2")
    again = commands.run("identity", "keep-apart", "website:W2", "website:W1")
    commands.run("ingest", "website", file)

    assert (first.status, first.output) == (0, "They were one member and are two now.\n")
    assert (again.status, again.output) == (0, "They are and stay two members.\n")
    assert (await commands.hub.picture()).numbers() == {frozenset({"W1"}), frozenset({"W2"})}
    assert commands.run("identity", "keep-apart", "website:W1", "website:W9").status == 1
    assert commands.run("identity", "keep-apart", "website:W1", "website:W1").status == 1
    exported = commands.run("identity", "export").output.splitlines()
    assert exported[0] == "channel,account,member_id"
    assert len({line.rpartition(",")[2] for line in exported[1:]}) == 2


async def test_orders_of_an_unknown_key_are_told_as_waiting(commands: Commands) -> None:
    header = "order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of"
    file = write(commands, "orders.csv", header, order("W1", "O1"))

    (summary,) = commands.run("ingest", "orders", file, "--json").json

    assert (summary["read"], summary["waiting"], summary["adds_up"]) == (1, 1, True)
