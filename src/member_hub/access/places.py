"""How much of a Chinese address is coarse enough to show: the province, and the city that follows it at once.

Provinces are a closed list, because a pattern would show the first words of free text ("我家在城市花园").
"""

import re
from typing import Final

_MUNICIPALITIES = "北京 天津 上海 重庆".split()
_REGIONS = (
    "内蒙古自治区 广西壮族自治区 西藏自治区 宁夏回族自治区 新疆维吾尔自治区 香港特别行政区 澳门特别行政区".split()
)
_PROVINCES = (
    "河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 "
    "台湾"
).split()
_SHORT_REGIONS = "内蒙古 广西 西藏 宁夏 新疆 香港 澳门".split()

_MUNICIPALITY: Final = re.compile(f"(?:{'|'.join(_MUNICIPALITIES)})市?")
_PROVINCE: Final = re.compile(f"(?:{'|'.join(_REGIONS)}|(?:{'|'.join(_PROVINCES)})省?|{'|'.join(_SHORT_REGIONS)})")
# A city at once behind the province. A character of a finer division (区, 县, 路, 号 ...) cannot stand in its name, and
# 市场 or 柳市镇 is no city.
_CITY: Final = re.compile(r"[\u4e00-\u9fff]{1,11}?(?:市(?![场镇])|自治州|地区|盟)")
_FINER: Final = frozenset("区县路街道巷弄号楼室栋村")


def known_place(address: str) -> str:
    """The leading province and city of an address; empty where it does not begin with a province that we know."""
    if municipality := _MUNICIPALITY.match(address):
        return municipality.group()
    province = _PROVINCE.match(address)
    if province is None:
        return ""
    city = _CITY.match(address, province.end())
    if city is None or _FINER & set(city.group().removesuffix("地区")):
        return province.group()
    return province.group() + city.group()
