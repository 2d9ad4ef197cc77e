"""Who is told of the privacy notice: nobody where it can be read nowhere, and nobody by an address that was typed."""

from dataclasses import replace

import pytest

from member_hub.consent.notice import informing
from member_hub.identity.kinds import ClaimKind
from member_hub.members.tables import Channel
from member_hub.settings import Mode
from member_hub.telling import Kind
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, Front
from tests.telling.conftest import URL
from tests.telling.members import NOTICE, ask, ask_notice, member_with, run_at, sent, tasks

EMAIL = "zhao@brandmail.cn"


def at_address(front: Front, url: str | None, *, mode: Mode = Mode.DEVELOPMENT, port: int = 0) -> Front:
    settings = replace(front.hub.settings, notice_url=url, mode=mode, port=port)
    return replace(front, hub=replace(front.hub, settings=settings))


@pytest.mark.parametrize("mode", [Mode.PRODUCTION, Mode.DEVELOPMENT])
async def test_where_the_notice_can_be_read_nowhere_nobody_counts_as_told(front: Front, mode: Mode) -> None:
    member = await member_with(front, email=EMAIL)
    await ask_notice(front, member)
    await ask(front, (member, Kind.ACCOUNT_OPENED, NOTICE))

    await run_at(at_address(front, None, mode=mode), NOW)

    assert sent(front) == [("email", EMAIL, "account_opened.zh")]
    (waiting,) = [row for row in await tasks(front) if row.kind == "privacy_notice"]
    assert (waiting.tries, waiting.told_at) == (0, None)
    await run_at(at_address(front, URL, mode=mode), NOW)
    assert sent(front)[1:] == [("email", EMAIL, "privacy_notice.zh")]


@pytest.mark.parametrize(
    ("mode", "url", "port", "address"),
    [
        (Mode.DEVELOPMENT, None, 8000, "http://127.0.0.1:8000/notices/general"),
        (Mode.DEVELOPMENT, None, 0, None),
        (Mode.DEVELOPMENT, URL, 8000, URL),
        (Mode.PRODUCTION, None, 8000, None),
        (Mode.PRODUCTION, URL, 8000, URL),
    ],
)
def test_the_address_is_the_operators_and_in_development_the_hubs_own_page(
    front: Front, mode: Mode, url: str | None, port: int, address: str | None
) -> None:
    assert informing.address_of(at_address(front, url, mode=mode, port=port).hub.settings) == address


async def test_an_e_mail_address_that_somebody_typed_informs_nobody(front: Front) -> None:
    typed = said(Channel.WEBSITE, "W1", email=EMAIL)
    identifiers = [replace(one, verified_at=None) if one.kind is ClaimKind.EMAIL else one for one in typed.identifiers]
    (member,) = await front.resolve(replace(typed, identifiers=tuple(identifiers)))
    await ask_notice(front, member)

    await run_at(front, NOW)

    (left,) = await tasks(front)
    assert (left.tries, left.due_at, left.told_at, sent(front)) == (1, None, None, [])


async def test_who_typed_an_address_is_told_by_the_phone_that_was_verified(front: Front) -> None:
    typed = said(Channel.WEBSITE, "W1", email=EMAIL, phone=E164, phone_verified=True)
    identifiers = [replace(one, verified_at=None) if one.kind is ClaimKind.EMAIL else one for one in typed.identifiers]
    await ask_notice(front, *await front.resolve(replace(typed, identifiers=tuple(identifiers))))

    await run_at(front, NOW)

    assert sent(front) == [("sms", E164, "privacy_notice.zh")]
