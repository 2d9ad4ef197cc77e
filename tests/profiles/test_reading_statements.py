"""What a caller states, read: normal forms, rights per field, every refusal at once."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from member_hub import organisation as organisations
from member_hub import resources
from member_hub.access import Action, Caller, CallerKind, Grant, Policies
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import uuid7
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField, Purpose
from member_hub.profiles import Enrolment, Refusals, Stated
from member_hub.profiles.rules import read_update, statement

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FOLDER = resources.folder("policies")
POLICIES = Policies.load(FOLDER)
REGISTER = organisations.load(FOLDER / "organisation.toml")


def who(role: str, kind: CallerKind, **changed: Any) -> tuple[Caller, Grant]:
    caller = Caller(
        kind=kind,
        role=role,
        purpose=Purpose.MEMBER_SERVICE,
        subject="S-1",
        stores=frozenset({"SH001"}) if kind is CallerKind.STAFF else frozenset(),
        regions=frozenset(),
        handler="brand",
        member_id=None,
        on_behalf_of=None,
        step_up=False,
        request_id=uuid7(),
    )
    return replace(caller, **changed), POLICIES.grant(role, Purpose.MEMBER_SERVICE)


def refusals(make: Any, *args: Any) -> list[tuple[str | None, str]]:
    with pytest.raises(Refusals) as raised:
        make(*args, now=NOW)
    return [(one.field, one.code) for one in raised.value.refusals]


def test_values_take_the_forms_that_an_import_gives() -> None:
    stated = Stated(
        name=" 欧阳 娜娜 ",
        phone="１３８-1234 5670",
        email="Nana@BrandMail.CN",
        birthday="1991年2月3日",
        gender="F",
        address=" 浙江省\t杭州市 ",
    )

    values = read_update(stated, *who("app_crm", CallerKind.APP), now=NOW)

    assert values == {
        ProfileField.NAME: "欧阳娜娜",
        ProfileField.PHONE: "+8613812345670",
        ProfileField.EMAIL: "nana@brandmail.cn",
        ProfileField.BIRTHDAY: "1991-02-03",
        ProfileField.GENDER: "F",
        ProfileField.ADDRESS: "浙江省 杭州市",
    }


def test_a_field_that_the_policy_does_not_let_one_write_is_refused_by_name() -> None:
    caller, grant = who("app_crm", CallerKind.APP)
    cells = {cell: verdict for cell, verdict in grant.fields.items() if cell != ("member.birthday", Action.WRITE)}
    narrowed = replace(grant, fields=MappingProxyType(cells))

    found = refusals(read_update, Stated(name="李雷", birthday="1991-02-03", phone="12"), caller, narrowed)

    assert found == [("birthday", "FORBIDDEN"), ("phone", "BAD_USER_INPUT")]


@pytest.mark.parametrize(
    ("role", "kind", "strength"),
    [
        ("sales_associate", CallerKind.STAFF, SourceStrength.STAFF),
        ("app_crm", CallerKind.APP, SourceStrength.SELF_DECLARED),
    ],
)
def test_an_enrolment_is_a_statement_of_the_account(role: str, kind: CallerKind, strength: SourceStrength) -> None:
    wanted = Enrolment(Channel.STORE, " 7700 000001 ", Stated(name="李雷", phone="13812345670"), home_store="SH001")

    said = statement(wanted, *who(role, kind), REGISTER, now=NOW)

    assert (said.channel, said.namespace, said.account, said.home_store) == (
        Channel.STORE,
        "brand",
        "7700000001",
        "SH001",
    )
    assert (said.event_time, said.first_seen, said.strength) == (NOW, NOW, strength)
    assert [(i.kind, i.namespace, i.value, i.verified_at) for i in said.identifiers] == [
        (ClaimKind.CARD, "brand", "7700000001", NOW),
        (ClaimKind.PHONE, "", "+8613812345670", None),
    ]
    assert [(v.field, v.value, v.verified_at) for v in said.values] == [(ProfileField.NAME, "李雷", None)]


def test_an_app_vouches_for_what_it_has_verified() -> None:
    stated = Stated(phone="13812345670", phone_verified=True, email="nana@brandmail.cn")
    wanted = Enrolment(Channel.APP, "u-1", stated, appid="wx_mini_2", unionid="oUnion-1", openid="oOpen-1")

    said = statement(wanted, *who("app_mini_program", CallerKind.APP), REGISTER, now=NOW)

    assert [(i.kind, i.namespace, i.value, i.verified_at) for i in said.identifiers] == [
        (ClaimKind.ACCOUNT, "wx_mini_2", "u-1", NOW),
        (ClaimKind.UNIONID, "wechat", "oUnion-1", NOW),
        (ClaimKind.OPENID, "wx_mini_2", "oOpen-1", NOW),
        (ClaimKind.PHONE, "", "+8613812345670", NOW),
        (ClaimKind.EMAIL, "", "nana@brandmail.cn", None),
    ]


def test_nobody_enrols_for_another_handler() -> None:
    caller, grant = who("app_crm", CallerKind.APP, handler="sister_brand")
    wanted = Enrolment(Channel.STORE, "7700000001", Stated(name="李雷"), home_store="SH001")

    assert refusals(statement, wanted, caller, grant, REGISTER) == [
        ("homeStore", "FORBIDDEN"),
        ("channel", "FORBIDDEN"),
    ]


def test_nothing_stated_prints_its_values() -> None:
    stated = Stated(name="李雷", phone="13812345670")

    assert "李雷" not in repr(stated) + repr(Enrolment(Channel.STORE, "7700000001", stated))
