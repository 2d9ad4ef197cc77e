"""What the files say about five people: one who has everything, and neighbours who share things with her.

Hers (顾晓岚) are accounts in three channels, the one in the app a member of its own until a later event showed her
phone; several values of one field, consents, orders, activity, an old balance; order lines that wait, rows in
quarantine. Beside her: 何立 shares her tablet and keeps apart; 顾明 typed her phone on his card; 赵旧 had a number that
孙新 verified later.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from member_hub.identity.kinds import ClaimKind

# Hers.
PHONE, EMAIL, OLD_EMAIL = "13911112222", "xiaolan.gu@163.com", "xiaolan1990@qq.com"
WEBSITE, USER_ID, CARD = "W100000001", "A100000001", "8810000001"
OPENID, UNIONID, TABLET = "oXguxiaolan0000000000000001", "o6_guxiaolan000000000000001", "ipad-store-07"
LATE_USER_ID = "A100000099"  # an app account that comes while its order line still waits
SLIP, RELATION = "slip 4711", "mother, household register 88"
NAME, STREET = "顾晓岚", "梧桐路88号3栋1202室"
HERS = (
    (ClaimKind.PHONE, "", f"+86{PHONE}"),
    (ClaimKind.EMAIL, "", EMAIL),
    (ClaimKind.ACCOUNT, "website", WEBSITE),
    (ClaimKind.ACCOUNT, "wx_mini_1", USER_ID),
    (ClaimKind.ACCOUNT, "wx_mini_2", LATE_USER_ID),
    (ClaimKind.CARD, "brand", CARD),
    (ClaimKind.OPENID, "wx_mini_1", OPENID),
    (ClaimKind.UNIONID, "wechat", UNIONID),
)
# Her neighbours'.
TABLET_USER = "A200000002"
KEPT_APART = "W300000003"
CARD_OF_MING = "8840000004"
OLD_OWNER, NEW_OWNER, RECYCLED = "W500000005", "W600000006", "13722223333"


def website(account: str, at: str, **more: object) -> dict[str, object]:
    """A message of the website about an account as it was at a time."""
    moment = f"{at}T10:30:00+08:00"
    return {"message_id": f"m-{account}-{at}", "account": account, "registered_at": moment, "updated_at": moment} | more


def app(user_id: str, at: str, **more: object) -> dict[str, object]:
    """An event of the app about an account as it was at a time."""
    ms = int(datetime.fromisoformat(f"{at}T10:30:00+08:00").timestamp()) * 1000
    known = {"event_id": f"e-{user_id}-{at}", "type": "profile", "user_id": user_id, "appid": "wx_mini_1", "ts": ms}
    return known | ({"mobile_auth_time": ms} if "mobile" in more else {}) | more


def lines(*messages: Mapping[str, object]) -> str:
    return "".join(f"{json.dumps(message, ensure_ascii=False)}\n" for message in messages)


def _consent(purpose: str, at: str, *, granted: bool) -> dict[str, object]:
    return {"purpose": purpose, "granted": granted, "at": f"{at}T10:30:00+08:00", "notice": "website-2024-01"}


HER_ADDRESS = {"province": "山东省", "city": "青岛市", "district": "市南区", "street": STREET, "receiver": "王收件"}
HER_FIRST = website(
    WEBSITE, "2024-03-05", name=NAME, gender="F", birthday="1990-04-12", phone="139 1111 2222",
    phone_verified_at="2024-03-05T10:31:00+08:00", email=OLD_EMAIL, email_verified=True, address=HER_ADDRESS,
    consents=[_consent(purpose, "2024-03-05", granted=True) for purpose in ("service_terms", "marketing_sms")],
)  # fmt: skip
HER_UPDATE = website(
    WEBSITE, "2026-04-24", name=NAME, gender="F", birthday="1990-04-12", phone=PHONE,
    phone_verified_at="2026-04-24T10:31:00+08:00", email=EMAIL, email_verified=True, address=HER_ADDRESS,
    consents=[_consent("marketing_sms", "2026-04-24", granted=False)],
)  # fmt: skip
HE_LI = website(
    KEPT_APART, "2025-01-20", name="何立", gender="M", phone="13633334444",
    phone_verified_at="2025-01-20T10:31:00+08:00", email="li.he.demo@163.com", email_verified=True,
)  # fmt: skip
ZHAO = website(
    OLD_OWNER, "2023-02-14", name="赵旧", phone=RECYCLED, phone_verified_at="2023-02-14T10:31:00+08:00",
    email="jiu.zhao.demo@163.com", email_verified=True,
)  # fmt: skip
SUN = website(
    NEW_OWNER, "2026-03-08", name="孙新", phone=RECYCLED, phone_verified_at="2026-03-08T10:31:00+08:00",
    email="xin.sun.demo@163.com", email_verified=True,
)  # fmt: skip
# Refused: by her account number; without a number, by her e-mail; of He Li, by his number.
REFUSED = (
    website(WEBSITE, "2026-05-05", name=NAME) | {"updated_at": "2026-02-30"},
    website("", "2026-05-06", name=NAME, email=EMAIL) | {"message_id": "m-no-number"},
    website(KEPT_APART, "2026-05-07", name="何立") | {"updated_at": "2026-02-30"},
)
WEBSITE_MESSAGES = (HER_FIRST, HER_UPDATE, HE_LI, ZHAO, SUN, *REFUSED)
# Cut off: all that it has is a phone that Gu Ming states, too.
BROKEN_MESSAGE = '{"message_id": "m-cut", "name": "顾", "phone": "+86 139-1111-2222", "upd\n'
HER_APP = app(USER_ID, "2025-07-01", openid=OPENID, unionid=UNIONID, device_id=TABLET, birth="1990-04-12")
HER_APP_LATER = app(
    USER_ID, "2026-05-01", openid=OPENID, unionid=UNIONID, device_id=TABLET, birth="1990-04-12", mobile=PHONE
)
AT_THE_TABLET = app(
    TABLET_USER, "2025-08-01", openid="oXsomebodyelse000000000000002", unionid="o6_somebodyelse00000000000002",
    device_id=TABLET,
)  # fmt: skip
REFUSED_AT_THE_TABLET = app("", "2025-08-02", openid="oXstranger0000000000000000003", device_id=TABLET)
APP_EVENTS = (HER_APP, AT_THE_TABLET, REFUSED_AT_THE_TABLET)
CARDS = f"""卡号,姓名,性别,手机号,生日,办卡门店,办卡日期,导购工号,会员等级,积分余额,备注
{CARD},{NAME},女,{PHONE},1990/04/12,SH007,2025-12-06 10:30:00,E0001,核心,1280,喜欢浅色
{CARD_OF_MING},顾明,男,{PHONE},1960-01-02,SH015,2026-06-01 10:30:00,E0002,VIP,50,
"""
ORDERS = f"""order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of
O90000001,1,website,,website_account,{WEBSITE},268.00,2024-03-09T10:30:00+08:00,paid,
O90000002,1,app,,app_user,{USER_ID},159.90,2026-02-03T10:30:00+08:00,paid,
O90000003,1,store,SH007,store_card,{CARD},499.00,2026-08-08T10:30:00+08:00,paid,
O90000004,1,store,,store_card,{CARD},-99.00,2026-08-12T10:30:00+08:00,refunded,O90000003/1
O90000005,1,store,SH015,store_card,{CARD_OF_MING},88.00,2026-07-01T10:30:00+08:00,paid,
O90000006,1,app,,app_user,{LATE_USER_ID},77.70,2026-09-01T10:30:00+08:00,paid,
O90000007,1,store,SH007,store_card,{CARD},lots,2026-09-02T10:30:00+08:00,paid,
O90000008,1,store,SH015,store_card,{CARD_OF_MING},lots,2026-09-03T10:30:00+08:00,paid,
"""
ACTIVITY = f"""channel,account,day,kind,count
website,{WEBSITE},2026-10-12,visit,2
app,{USER_ID},2026-10-12,check_in,1
app,{TABLET_USER},2026-10-20,visit,3
"""
