"""What `member-hub doctor` says of sign-in: nobody can, the file is wrong, an issuer is away, or all is well."""

from dataclasses import replace
from pathlib import Path

from member_hub.doctor import Check, Verdict, examine
from member_hub.settings import Mode, Settings
from tests.sign_in.authority import Authority


async def examined(settings: Settings) -> list[Check]:
    return [check for check in await examine(settings) if check.name.startswith("sign-in")]


async def test_production_without_an_authorisation_server_is_warned(settings: Settings) -> None:
    (check,) = await examined(replace(settings, mode=Mode.PRODUCTION))

    assert check.verdict is Verdict.WARN
    assert check.says == "no authorisation server: every token of staff and apps is refused (401)"
    assert "MEMBER_HUB_SIGN_IN" in check.remedy


async def test_a_file_that_is_wrong_fails(settings: Settings, file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace("keys_kept_s", "keys_keep_s", 1), "utf-8")

    (check,) = await examined(replace(settings, mode=Mode.PRODUCTION, sign_in=file))

    assert (check.verdict, check.says) == (
        Verdict.FAIL,
        "sign_in.toml, line 8: [issuers.staff] unknown key 'keys_keep_s'.",
    )


async def test_each_issuer_is_asked_for_its_keys(
    settings: Settings, file: Path, staff: Authority, systems: Authority
) -> None:
    asked = replace(settings, mode=Mode.PRODUCTION, sign_in=file)

    assert await examined(asked) == [
        Check("sign-in by staff", Verdict.OK, f"{staff.url}, 1 usable key"),
        Check("sign-in by systems", Verdict.OK, f"{systems.url}, 1 usable key"),
    ]

    staff.publish()
    await systems.stop()
    assert [(check.verdict, check.says) for check in await examined(asked)] == [
        (Verdict.WARN, "it has no key that could be used"),
        (Verdict.WARN, "its keys cannot be had: ConnectError"),
    ]


async def test_development_has_tokens_of_its_own(settings: Settings) -> None:
    (check,) = await examined(settings)

    assert (check.verdict, check.says) == (Verdict.OK, "development tokens (member-hub token)")
