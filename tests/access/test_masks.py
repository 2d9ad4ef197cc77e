"""A mask shows just its part of a value, whatever the value is; one that comes back is recognised."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.access import MaskedValue, looks_masked, masked, masks, refuse_masked
from member_hub.access.surnames import COMPOUND_SURNAMES
from member_hub.privacy import Mask, ProfileField

DIGITS = st.text("0123456789", min_size=4, max_size=4)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=4)
FIELD_OF = {
    Mask.NAME: ProfileField.NAME,
    Mask.PHONE: ProfileField.PHONE,
    Mask.EMAIL: ProfileField.EMAIL,
    Mask.BIRTHDAY: ProfileField.BIRTHDAY,
    Mask.ADDRESS: ProfileField.ADDRESS,
}


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("+8613812345678", "138****5678"),
        ("13812345678", "138****5678"),
        ("+14155552671", "+1****2671"),
        ("+85291234567", "+852****67"),
        ("+442079460958", "+44****0958"),
        ("+862112345678", "+86****5678"),
        ("+8613800", "****"),
        ("12345", "****"),
        ("", "****"),
        ("+86 138 1234 5678", "****"),
        ("138****5678", "****"),
        ("1381234567a", "****"),
        ("１３８１２３４５６７８", "****"),
    ],
)
def test_a_phone(value: str, mask: str) -> None:
    assert masks.phone(value) == mask


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("张三", "张*"),
        ("张三丰", "张*"),
        ("张先生", "张*"),
        ("张*", "张*"),
        ("张 三", "张*"),
        ("张\u3000三", "张*"),
        ("欧阳娜娜", "欧阳*"),
        ("歐陽娜娜", "歐陽*"),
        ("诸葛亮", "诸葛*"),
        ("欧阳", "欧*"),
        ("司马先生", "司马*"),
        ("迪丽热巴·迪力木拉提", "迪*"),
        ("𠮷野家", "𠮷*"),
        ("㐂三", "㐂*"),
        ("John Smith", "J***"),
        ("Jo", "J***"),
        ("김민수", "김***"),
        ("张", "*"),
        ("J", "*"),
        ("", "*"),
        ("  ", "*"),
        ("😀洋洋", "*"),
        ("13812345678", "*"),
    ],
)
def test_a_name(value: str, mask: str) -> None:
    assert masks.name(value) == mask


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("user@example.com", "u***@example.com"),
        ("uv@example.com", "u***@example.com"),
        ("u@example.com", "***@example.com"),
        (".dot@example.com", "***@example.com"),
        ('"a@b"@example.com', "***@example.com"),
        ("用户@例子.中国", "用***@例子.中国"),
        ("user", "***"),
        ("user@", "***"),
        ("@example.com", "***"),
        ("", "***"),
    ],
)
def test_an_email(value: str, mask: str) -> None:
    assert masks.email(value) == mask


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("1961-02-03", "1961-**-**"),
        ("2016-12-31", "2016-**-**"),
        ("19610203", "****-**-**"),
        ("1961", "****-**-**"),
        ("02-03", "****-**-**"),
        ("1961-02-03T00:00", "****-**-**"),
        ("", "****-**-**"),
    ],
)
def test_a_birthday(value: str, mask: str) -> None:
    assert masks.birthday(value) == mask


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("浙江省杭州市西湖区文三路137号20栋289室", "浙江省杭州市****"),
        ("浙江省 杭州市 西湖区 文三路137号", "浙江省杭州市****"),
        ("浙江杭州市西湖区", "浙江杭州市****"),
        ("浙江省", "浙江省****"),
        ("浙江省杭州市", "浙江省杭州市****"),
        ("江西省景德镇市珠山区", "江西省景德镇市****"),
        ("上海市浦东新区世纪大道1号", "上海市****"),
        ("北京市北京市朝阳区", "北京市****"),
        ("重庆渝中区", "重庆****"),
        ("新疆维吾尔自治区伊犁哈萨克自治州伊宁市", "新疆维吾尔自治区伊犁哈萨克自治州****"),
        ("内蒙古自治区锡林郭勒盟锡林浩特市", "内蒙古自治区锡林郭勒盟****"),
        ("西藏自治区阿里地区噶尔县", "西藏自治区阿里地区****"),
        ("贵州省黔西南布依族苗族自治州兴义市", "贵州省黔西南布依族苗族自治州****"),
        ("浙江省解放路大市场12号", "浙江省****"),
        ("浙江省人民路3号城市花园", "浙江省****"),
        ("浙江省西湖区文三路杭州市", "浙江省****"),
        ("浙江省柳市镇", "浙江省****"),
        ("我家在城市花园3栋", "****"),
        ("杭州市西湖区", "****"),
        ("深圳市", "****"),
        ("12 Main Street, Springfield", "****"),
        ("", "****"),
    ],
)
def test_an_address(value: str, mask: str) -> None:
    assert masks.address(value) == mask


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("W105571089", "W1****89"),
        ("8868331042", "88****42"),
        ("oXbYuxyva59Bwhz_xF4njqE7kBEs", "oX****Es"),
        ("12345678", "12****78"),
        ("1234567", "****"),
        ("a", "****"),
        ("", "****"),
    ],
)
def test_an_identifier(value: str, mask: str) -> None:
    assert masks.identifier(value) == mask


def test_every_mask_but_none_has_a_masked_form() -> None:
    assert {mask for mask in Mask if masked(mask, "x") is None} == {Mask.NONE}
    assert masked(Mask.PHONE, "+8613812345678") == "138****5678"


@given(head=st.sampled_from(["+86138", "139"]), tail=DIGITS, hidden=DIGITS, other=DIGITS)
def test_the_hidden_digits_of_a_phone_decide_nothing(head: str, tail: str, hidden: str, other: str) -> None:
    assert masks.phone(f"{head}{hidden}{tail}") == masks.phone(f"{head}{other}{tail}")


@given(phone=st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_foreign_phone_hides_at_least_four_digits_or_everything(phone: str) -> None:
    shown = masks.phone(phone).replace("*", "").removeprefix("+")

    assert shown == "" or len(phone.removeprefix("+")) - len(shown) >= 4
    assert masks.phone(phone) == "****" or masks.phone(phone).count("*") == 4


@given(surname=st.sampled_from(["张", "欧阳", "J"]), given_name=HAN, other=HAN)
def test_the_given_name_decides_nothing(surname: str, given_name: str, other: str) -> None:
    assert masks.name(surname + given_name) == masks.name(surname + other)


@given(st.text(max_size=60))
def test_whatever_a_name_is_its_mask_shows_a_surname_at_most(value: str) -> None:
    mask = masks.name(value)

    shown = mask.rstrip("*")
    squeezed = "".join(value.split())
    assert squeezed.startswith(shown)
    assert len(shown) <= (2 if shown in COMPOUND_SURNAMES else 1)
    assert len(shown) < len(squeezed) or shown == ""


@given(
    local=st.text(string.ascii_letters, min_size=2, max_size=20),
    other=st.text(string.ascii_letters, min_size=1, max_size=20),
)
def test_the_rest_of_an_email_decides_nothing(local: str, other: str) -> None:
    assert masks.email(f"{local}@example.com") == masks.email(f"{local[0]}{other}@example.com")


@given(st.text(max_size=60))
def test_whatever_an_email_is_its_mask_shows_one_character_and_the_domain(value: str) -> None:
    local, _, domain = value.rpartition("@")
    mask = masks.email(value)

    assert mask in ("***", f"***@{domain}", f"{local[:1]}***@{domain}")
    assert mask != f"{local[:1]}***@{domain}" or len(local) != 1


@given(st.dates(), st.dates())
def test_month_and_day_of_a_birthday_decide_nothing(day: object, other: object) -> None:
    year = str(day)[:4]

    assert masks.birthday(str(day)) == masks.birthday(f"{year}{str(other)[4:]}")
    assert str(day)[4:] not in masks.birthday(str(day))


@given(
    street=st.text(st.sampled_from("文三路号栋室市场街道0123456789西湖里人"), max_size=20),
    other=st.text(st.sampled_from("文三路号栋室市场街道0123456789西湖里人"), max_size=20),
)
def test_what_follows_the_city_decides_nothing(street: str, other: str) -> None:
    assert masks.address(f"浙江省杭州市西湖区{street}") == masks.address(f"浙江省杭州市西湖区{other}")
    assert masks.address(f"上海市黄浦区{street}") == "上海市****"


@given(st.text(max_size=80))
def test_whatever_an_address_is_its_mask_shows_a_known_place_at_most(value: str) -> None:
    shown = masks.address(value).removesuffix("****")

    assert shown == "" or "".join(value.split()).startswith(shown)
    assert len(shown) <= 23
    assert not set(shown) & set("0123456789路街号栋室")


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_an_identifier_is_its_middle_decides_nothing(value: str, other: str) -> None:
    mask = masks.identifier(value)

    assert mask == (f"{value[:2]}****{value[-2:]}" if len(value) >= 8 else "****")
    if len(value) >= 8:
        assert masks.identifier(f"{value[:2]}{other:>4}{value[-2:]}") == mask


@given(
    surname=st.sampled_from("张王李赵欧"),
    mark=st.sampled_from("*＊﹡∗✱✲✳✻✼✽⁎●•○◯■█某"),
    count=st.integers(1, 4),
    rest=st.text("一二三四五娜明", max_size=2),
)
def test_a_name_with_a_mark_of_hiding_anywhere_is_a_mask(surname: str, mark: str, count: int, rest: str) -> None:
    assert looks_masked(ProfileField.NAME, f"{surname}{mark * count}{rest}")
    assert not looks_masked(ProfileField.NAME, f"{surname}{rest}")


@given(mask=st.sampled_from(sorted(FIELD_OF)), value=st.text(max_size=60))
def test_every_mask_that_comes_back_is_recognised(mask: Mask, value: str) -> None:
    drawn = masked(mask, value)

    assert drawn is not None
    assert looks_masked(FIELD_OF[mask], drawn)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (ProfileField.PHONE, "138****5678"),
        (ProfileField.PHONE, "138xxxx5678"),
        (ProfileField.PHONE, "138XXXX5678"),
        (ProfileField.PHONE, "138••••5678"),
        (ProfileField.NAME, "张*"),
        (ProfileField.NAME, "张＊"),
        (ProfileField.NAME, "张＊＊"),
        (ProfileField.NAME, "张×"),
        (ProfileField.NAME, "张××"),
        (ProfileField.NAME, "张xx"),
        (ProfileField.NAME, "张 ＸＸ"),
        (ProfileField.PHONE, "138××××5678"),
        (ProfileField.PHONE, "138＊＊＊＊5678"),
        (ProfileField.PHONE, "138ＸＸＸＸ5678"),
        (ProfileField.EMAIL, "u××@example.com"),
        (ProfileField.BIRTHDAY, "1961-xx-xx"),
        (ProfileField.BIRTHDAY, "1961-××-××"),
        (ProfileField.ADDRESS, "浙江省杭州市××××"),
        (ProfileField.ADDRESS, "浙江省杭州市＊＊＊＊"),
        (ProfileField.NAME, "张✽"),
        (ProfileField.NAME, "张某"),
        (ProfileField.NAME, "张某某"),
        (ProfileField.NAME, "某女士"),
        (ProfileField.PHONE, "138✽✽✽✽5678"),
        (ProfileField.BIRTHDAY, "1961-某-某"),
        (ProfileField.ADDRESS, "浙江省杭州市✽✽✽"),
        (ProfileField.ADDRESS, "浙江省杭州市某某路某某号"),
        (ProfileField.NAME, "*"),
        (ProfileField.EMAIL, "u***@example.com"),
        (ProfileField.BIRTHDAY, "1961-**-**"),
        (ProfileField.ADDRESS, "浙江省杭州市****"),
        (ProfileField.ADDRESS, "浙江省杭州市●●●"),
    ],
)
def test_a_masked_value_is_refused_by_its_field_and_never_repeated(field: ProfileField, value: str) -> None:
    assert looks_masked(field, value)

    with pytest.raises(MaskedValue) as caught:
        refuse_masked(field, value)

    assert (caught.value.code, caught.value.field) == ("MASKED_VALUE", field.value)
    assert value not in str(caught.value) + caught.value.text_zh + repr(caught.value.args)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (ProfileField.PHONE, "+8613812345678"),
        (ProfileField.PHONE, "138 1234 5678 x2"),
        (ProfileField.NAME, "张三"),
        (ProfileField.NAME, "阿卜杜拉·买买提"),
        (ProfileField.NAME, "Max Xerxes"),
        (ProfileField.NAME, "XXXTentacion"),
        (ProfileField.ADDRESS, "浙江省杭州市西湖区仓库3×5号"),
        (ProfileField.EMAIL, "xxx_star*1@example.com"),
        (ProfileField.BIRTHDAY, "1961-02-03"),
        (ProfileField.ADDRESS, "浙江省杭州市西湖区文三路3*5号"),
        (ProfileField.ADDRESS, "浙江省杭州市某街1号"),
        (ProfileField.GENDER, "F"),
        (ProfileField.GENDER, "*"),
    ],
)
def test_a_real_value_is_not_taken_for_a_mask(field: ProfileField, value: str) -> None:
    assert not looks_masked(field, value)
    refuse_masked(field, value)
    refuse_masked(field, None)
