"""Settings: a variable that says nothing sensible stops the start and is named, its value is not."""

import pytest

from member_hub.errors import Misconfigured
from member_hub.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MEMBER_HUB_LOG", "loud"),
        ("MEMBER_HUB_PORT", "65536"),
        ("MEMBER_HUB_PORT", "８０００"),
        ("MEMBER_HUB_MODE", "test"),
        ("MEMBER_HUB_NOTICE_URL", "http://brand.example/privacy"),
        ("MEMBER_HUB_NOTICE_URL", "http://127.0.0.1/privacy"),
        ("MEMBER_HUB_NOTICE_URL", "https://hub:secret@brand.example/privacy"),
        ("MEMBER_HUB_NOTICE_URL", "brand.example/privacy"),
        ("MEMBER_HUB_NOTICE_URL", "https://品牌.example/privacy"),
    ],
)
def test_a_value_that_is_no_choice_is_refused(variable: str, value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Settings.from_environ({variable: value})

    assert variable in str(refused.value)
    assert value not in str(refused.value)


@pytest.mark.parametrize(("said", "is_debug"), [("", False), ("info", False), ("debug", True), ("DEBUG", True)])
def test_the_log_is_quiet_unless_debug_is_said(said: str, *, is_debug: bool) -> None:
    assert Settings.from_environ({"MEMBER_HUB_LOG": said}).debug is is_debug


@pytest.mark.parametrize("said", [None, "https://brand.example/privacy"])
def test_the_notice_has_an_address_where_the_operator_says_one(said: str | None) -> None:
    assert Settings.from_environ({"MEMBER_HUB_NOTICE_URL": said or ""}).notice_url == said
