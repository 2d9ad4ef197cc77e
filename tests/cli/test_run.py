"""member-hub run, as `make run` calls it: from an empty folder to a hub that answers what it prints to be asked."""

import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import httpx2
import pytest

from tests.cli.test_cli import COMMAND, bare_environment, call

READY_S = 120
LAST_LINE = "16788010007"  # the last of the members that stand in every demo set


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen[str]
    said: str

    def command_of(self, title: str) -> list[str]:
        """The words of the command that is printed under a title."""
        lines = self.said.splitlines()
        return shlex.split(lines[lines.index(title) + 1])


@contextmanager
def run(folder: Path, *words: str) -> Iterator[Running]:
    """The hub, once it has said all it says at its start; told to stop at the end, as a terminal does."""
    environ = bare_environment() | {"MEMBER_HUB_PORT": "0"}
    with subprocess.Popen(
        [COMMAND, "run", *words], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        timer = Timer(READY_S, process.kill)
        timer.start()
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if LAST_LINE in line:
                    break
            assert process.poll() is None, process.communicate()
            yield Running(process, "".join(lines))
        finally:
            timer.cancel()
            process.send_signal(signal.SIGINT)
            process.wait(READY_S)


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("channels")
    made = call("demo", str(folder), "--people", "40", "--seed", "5", cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder


def asked(command: list[str]) -> dict[str, Any]:
    """What the hub answers to a printed `curl`."""
    assert command[:2] == ["curl", "-s"]
    given = [command[i + 1] for i, word in enumerate(command) if word == "-H"]
    headers = {name: value for name, _, value in (header.partition(": ") for header in given)}
    answer = httpx2.post(command[2], headers=headers, content=command[-1])
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_run_fills_an_empty_folder_and_answers_what_it_prints(tmp_path: Path, channels: Path) -> None:
    with run(tmp_path, "--channels", str(channels)) as hub:
        assert set(re.findall(r"(?m)^(\S+\.(?:jsonl|csv))\b", hub.said)) == {
            "website.jsonl",
            "app.jsonl",
            "store.csv",
            "orders.csv",
            "activity.csv",
        }
        associate = asked(hub.command_of("A sales associate sees masks:"))["member"]
        crm = asked(hub.command_of("The CRM, asked the same, sees more:"))["member"]
        own = asked(hub.command_of("The member sees everything of their own:"))["me"]
        token = re.search(r"Another, also for one purpose alone: (\S+) (.+)", hub.said)
        assert token
        made = call(*token[2].split(), cwd=tmp_path)

    assert (associate["name"], associate["phone"]["display"]) == ({"display": "林*", "state": "MASKED"}, "167****0001")
    assert (crm["id"], crm["phone"]["value"]) == (associate["id"], "+8616788010001")
    assert own["id"] == associate["id"]
    assert own["name"] == {"value": "林知夏"}
    assert made.returncode == 0
    assert made.stdout.count(".") == 2
    assert token[1] == str(COMMAND)
    assert hub.process.returncode in {0, 128 + signal.SIGINT, -signal.SIGINT}


def test_a_second_run_keeps_the_data_and_imports_nothing(tmp_path: Path, channels: Path) -> None:
    here = tmp_path / "files"
    shutil.copytree(channels, here)
    with run(tmp_path, "--channels", str(here)) as first:
        before = re.search(r"(?m)^([\d,]+) members\. Query page", first.said)
        first_id = asked(first.command_of("A sales associate sees masks:"))["member"]["id"]
    for file in here.iterdir():
        file.unlink()

    with run(tmp_path) as second:
        after = re.search(r"(?m)^([\d,]+) members\. Query page", second.said)
        second_id = asked(second.command_of("A sales associate sees masks:"))["member"]["id"]

    assert before
    assert after
    assert (after[1], second_id) == (before[1], first_id)
    assert ".csv" not in second.said


def test_a_folder_without_channel_files_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    refused = call("run", "--channels", "empty", cwd=tmp_path, MEMBER_HUB_PORT="0")

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "member-hub: empty holds none of website.jsonl, app.jsonl, store.csv, orders.csv, activity.csv. "
        "Name the folder with them."
    )
