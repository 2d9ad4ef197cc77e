"""Sessions and their tokens: for whom they act, when they end, and which tokens are none."""

import base64
import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import update

from member_hub.access import MemberTokens, member_tokens, token_key
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.merging.apart import keep_apart
from member_hub.settings import Mode
from member_hub.sign_in.tables import OneTimeCode, Session
from member_hub.telling.tables import NoticeTask
from tests.graphql.world import NOW, said
from tests.sign_in_codes.conftest import MakeFront
from tests.sign_in_codes.desk import E164, ME, PHONE, Front, codes_of

member_t = table_of(Member)


async def signed_in(front: Front) -> tuple[MemberId, str]:
    (member,) = await front.resolve(
        said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="张三", email="zhang.san@brandmail.cn")
    )
    return member, (await front.session())["accessToken"]


async def refused(front: Front, token: str) -> None:
    answer = await front.me(token)
    assert (answer.status_code, codes_of(answer)) == (401, ["UNAUTHENTICATED"])


async def test_a_session_acts_for_the_member_into_whom_its_own_was_merged(front: Front) -> None:
    older = said(Channel.APP, "A1", at=NOW - timedelta(days=300), unionid="oUnion-1", email="li.si@brandmail.cn")
    (kept,) = await front.resolve(older)
    member, token = await signed_in(front)
    same_user = said(Channel.WEBSITE, "W1", at=NOW, phone=E164, phone_verified=True, name="张三", unionid="oUnion-1")
    await front.resolve(same_user)
    assert member != kept

    answer = (await front.me(token, "{ me { id email { value } accounts { channel } } }")).json()

    assert sorted(each["channel"] for each in answer["data"]["me"]["accounts"]) == ["APP", "WEBSITE"]
    (entry,) = [row for row in await front.audited() if row.operation == "me"]
    assert (entry.caller, entry.member_ids) == (str(kept), [kept])


@pytest.mark.parametrize("signs_in_before_the_merge", [True, False])
async def test_when_a_member_is_parted_nobodys_session_acts_for_the_other(
    front: Front, signs_in_before_the_merge: bool
) -> None:
    """The one who signed in may be either of the two, whichever id the session began with."""
    other = said(Channel.APP, "A1", at=NOW - timedelta(days=300), unionid="oUnion-1", email="li.si@brandmail.cn")
    await front.resolve(other)
    own = said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="张三")
    await front.resolve(own)
    token = (await front.session())["accessToken"] if signs_in_before_the_merge else ""
    await front.resolve(said(Channel.WEBSITE, "W1", at=NOW, unionid="oUnion-1"))
    token = token or (await front.session())["accessToken"]
    assert len(((await front.me(token, "{ me { accounts { channel } } }")).json())["data"]["me"]["accounts"]) == 2

    await keep_apart(
        front.hub.database,
        front.hub.resolver,
        (Channel.APP, "A1"),
        (Channel.WEBSITE, "W1"),
        reason="different_people",
        said_by="test",
        now=NOW,
    )

    await refused(front, token)
    assert await front.count(Session) == 0


async def test_a_session_of_an_erased_member_ends(front: Front) -> None:
    member, token = await signed_in(front)

    await front.erase(member)

    await refused(front, token)
    assert [await front.count(model) for model in (Session, OneTimeCode, NoticeTask)] == [0, 0, 0]


async def test_after_an_erasure_the_number_begins_anew(front: Front) -> None:
    member, _ = await signed_in(front)
    await front.erase(member)

    answer = await front.session(startNew=True)

    assert answer["member"] == "new"
    (session,) = await front.rows(Session)
    assert session.member_id != member


@pytest.mark.parametrize("status", [MemberStatus.RESTRICTED, MemberStatus.FROZEN])
async def test_a_restricted_or_frozen_member_signs_in_to_see_what_is_held(front: Front, status: MemberStatus) -> None:
    (member,) = await front.resolve(said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="张三"))
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(status=status))

    answer = await front.session()

    assert (await front.whoami(answer["accessToken"]))["phone"] == {"value": E164}
    (row,) = await front.rows(Member)
    assert row.status == status


async def test_a_session_that_was_ended_is_refused(front: Front) -> None:
    member, token = await signed_in(front)

    ended = await front.say("end", {}, Authorization=f"Bearer {token}")
    again = await front.say("end", {}, Authorization=f"Bearer {token}")

    assert (ended.status_code, ended.json()["ended"]) == (200, True)
    assert (again.status_code, codes_of(again)) == (401, ["UNAUTHENTICATED"])
    await refused(front, token)
    assert (await front.trail())[-2:] == [("signInEnd", "ok", [member]), ("signInEnd", "UNAUTHENTICATED", [])]


async def test_ending_a_session_leaves_the_others(front: Front) -> None:
    _, first = await signed_in(front)
    await front.later(minutes=1)
    second = (await front.session())["accessToken"]

    await front.say("end", {}, Authorization=f"Bearer {first}")

    await refused(front, first)
    assert await front.whoami(second) is not None


async def test_a_session_ends_after_half_an_hour(front: Front) -> None:
    _, token = await signed_in(front)
    front.clock.at = NOW + timedelta(minutes=29, seconds=59)
    assert await front.whoami(token) is not None

    front.clock.at = NOW + timedelta(minutes=30)

    await refused(front, token)


async def test_a_session_row_that_is_gone_ends_its_token(front: Front) -> None:
    _, token = await signed_in(front)
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(table_of(Session).delete())

    await refused(front, token)


async def test_asking_with_a_token_writes_nothing_but_the_audit(front: Front) -> None:
    _, token = await signed_in(front)
    before = await front.rows(Session)

    for _ in range(3):
        await front.whoami(token)

    assert await front.rows(Session) == before


async def test_members_sign_in_in_production_too(make_front: MakeFront) -> None:
    front = await make_front(mode=Mode.PRODUCTION)

    _, token = await signed_in(front)

    assert (await front.whoami(token))["phone"] == {"value": E164}


async def test_in_production_without_a_message_service_nobody_signs_in(make_front: MakeFront) -> None:
    front = await make_front(mode=Mode.PRODUCTION, with_sender=False)

    code = await front.say("code", {"phone": PHONE})
    session = await front.say("session", {"phone": PHONE, "code": "123456"})

    assert [(answer.status_code, codes_of(answer)) for answer in (code, session)] == [(503, ["UNAVAILABLE"])] * 2
    said = "No message service is set up here, so codes are neither sent nor taken."
    assert [answer.json()["errors"][0]["message"] for answer in (code, session)] == [said] * 2
    assert await front.count(OneTimeCode) == 0
    assert await front.trail() == [("signInCode", "UNAVAILABLE", []), ("signInSession", "UNAVAILABLE", [])]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def forged(front: Front, token: str) -> dict[str, str]:
    """Tokens like the given one, each wrong in one thing."""
    head, body, signature = token.split(".")
    stated = orjson.loads(base64.urlsafe_b64decode(body + "=="))
    key = OKPKey.import_key(token_key.load(front.hub.settings.key_dir / "sign-in-1.key"))
    stranger = OKPKey.generate_key("Ed25519")
    header = {"alg": "Ed25519", "typ": "at+jwt", "kid": "1"}
    hs256 = b64(b'{"alg":"HS256","typ":"at+jwt","kid":"1"}')
    signing_input = f"{hs256}.{body}"
    by_public_key = b64(hmac.digest(key.as_pem(private=False), signing_input.encode(), "sha256"))

    def signed(claims: dict[str, Any], header_: dict[str, Any] = header, by: OKPKey = key) -> str:
        return jwt.encode(header_, claims, by, algorithms=["Ed25519"])

    none = b64(b'{"alg":"none","typ":"at+jwt","kid":"1"}')
    return {
        "another key": signed(stated, by=stranger),
        "no algorithm": f"{none}.{body}.",
        "public key as secret": f"{signing_input}.{by_public_key}",
        "a key of its own": signed(stated, {**header, "jwk": stranger.as_dict(private=False)}, stranger),
        "unknown kid": signed(stated, {**header, "kid": "2"}),
        "kid that is a path": signed(stated, {**header, "kid": "../1"}),
        "no kid": signed(stated, {"alg": "Ed25519", "typ": "at+jwt"}),
        "id token": signed(stated, {**header, "typ": "JWT"}),
        "another audience": signed({**stated, "aud": "elsewhere"}),
        "another client": signed({**stated, "client_id": "elsewhere"}),
        "more claims": signed({**stated, "role": "dpo"}),
        "fewer claims": signed({k: v for k, v in stated.items() if k != "client_id"}),
        "too long": signed({**stated, "exp": stated["iat"] + 3601}),
        "over": signed({**stated, "iat": stated["iat"] - 1800, "exp": stated["iat"]}),
        "of tomorrow": signed({**stated, "iat": stated["iat"] + 86_400, "exp": stated["exp"] + 86_400}),
        "time as text": signed({**stated, "exp": str(stated["exp"])}),
        "no session": signed({**stated, "jti": str(UUID(int=1))}),
        "session of no kind": signed({**stated, "jti": "all"}),
        "cut signature": f"{head}.{body}.{signature[:-4]}",
        "other body": f"{head}.{body[:-4]}.{signature}",
    }


async def test_a_token_that_is_wrong_in_one_thing_is_refused(front: Front) -> None:
    _, token = await signed_in(front)
    wrong = forged(front, token)

    answers = {name: (await front.me(each)).status_code for name, each in wrong.items()}

    assert answers == dict.fromkeys(wrong, 401)
    assert await front.whoami(token) is not None


async def test_whose_the_token_says_it_is_is_the_sessions_member(front: Front) -> None:
    """Signed by the hub, yet for somebody else: the session decides."""
    member, _ = await signed_in(front)
    (other,) = await front.resolve(said(Channel.WEBSITE, "W2", phone="+8613700000002", phone_verified=True))
    (session,) = await front.rows(Session)
    tokens = MemberTokens(front.hub.settings.key_dir)
    swapped = tokens.issue(other, session.session_id, expires_at=session.expires_at, now=NOW)

    await front.whoami(swapped)

    (entry,) = [row for row in await front.audited() if row.operation == "me"]
    assert entry.member_ids == [member]


async def test_a_rotated_key_is_believed_once_more_and_then_no_more(front: Front) -> None:
    _, first = await signed_in(front)
    member_tokens.rotate(front.hub.settings.key_dir)
    await front.later(minutes=1)
    second = (await front.session())["accessToken"]
    assert await front.whoami(first) is not None

    member_tokens.rotate(front.hub.settings.key_dir)

    await refused(front, first)
    assert await front.whoami(second) is not None
    kept = sorted(path.name for path in front.hub.settings.key_dir.glob("sign-in-*"))
    assert kept == ["sign-in-2.key", "sign-in-3.key"]
    assert {path.stat().st_mode & 0o777 for path in front.hub.settings.key_dir.glob("sign-in-*")} == {0o600}


async def test_a_member_token_is_for_the_members_own_service_only(front: Front) -> None:
    _, token = await signed_in(front)
    headers = {"Authorization": f"Bearer {token}", "X-Purpose": "marketing"}

    answer = await front.client.post("/graphql", json={"query": ME}, headers=headers)
    lookup = await front.me(token, '{ member(by: {phone: "13912345671"}) { id } }')

    assert codes_of(answer) == ["PURPOSE_NOT_ALLOWED"]
    assert codes_of(lookup) == ["FORBIDDEN"]


async def test_a_copy_has_the_codes_of_a_number_for_its_holder_and_not_for_who_typed_it(front: Front) -> None:
    member, _ = await signed_in(front)
    (typed,) = await front.resolve(said(Channel.STORE, "9900000001", phone=E164, name="王小明"))
    assert typed != member

    assert {"hub.session", "hub.one_time_code"} <= await front.copied(member)
    assert await front.copied(typed) & {"hub.session", "hub.one_time_code"} == set()
