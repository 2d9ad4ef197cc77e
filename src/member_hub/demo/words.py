"""The words the demo set is made of: our own short lists, of nobody's data.

Surnames carry their rough share (per thousand) in the population, so that homonyms are as common as in life.
"""

from typing import NamedTuple

SURNAMES = {
    "王": 72, "李": 72, "张": 68, "刘": 54, "陈": 46, "杨": 31, "赵": 24, "黄": 23, "周": 20, "吴": 20, "徐": 16,
    "孙": 15, "胡": 13, "朱": 13, "高": 12, "林": 12, "何": 11, "郭": 11, "马": 11, "罗": 9, "梁": 9, "宋": 8,
    "郑": 8, "谢": 7, "韩": 7, "唐": 7, "冯": 6, "于": 6, "董": 6, "萧": 3, "程": 6, "曹": 6, "袁": 5, "邓": 5,
    "许": 5, "傅": 4, "沈": 5, "曾": 5, "彭": 5, "吕": 5, "苏": 5, "卢": 5, "蒋": 5, "蔡": 5, "贾": 4, "丁": 4,
    "魏": 4, "薛": 4, "叶": 4, "阎": 3, "潘": 4, "杜": 4, "戴": 4, "夏": 4, "钟": 3, "汪": 4, "田": 4, "任": 4,
    "姜": 4, "方": 4, "石": 4, "姚": 4, "谭": 4, "廖": 4, "邹": 3, "熊": 3, "金": 3, "陆": 3, "郝": 3, "孔": 3,
    "白": 3, "崔": 3, "康": 3, "毛": 3, "邱": 3, "秦": 3, "江": 3, "史": 2, "顾": 3, "侯": 3, "邵": 3, "孟": 3,
    "龙": 2, "万": 2, "段": 2, "钱": 2, "汤": 2, "尹": 2, "黎": 2, "易": 2, "常": 2, "武": 2, "乔": 2, "贺": 2,
    "赖": 2, "龚": 2, "文": 2, "庞": 1, "樊": 1, "兰": 1, "殷": 1, "施": 1, "陶": 1, "洪": 1, "翟": 1, "安": 1,
}  # fmt: skip
COMPOUND_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "皇甫", "慕容", "东方", "令狐", "尉迟", "夏侯")
GIVEN_MALE = "伟强磊军勇杰涛超明刚辉鹏飞斌浩宇博凯志建国文俊峰晨航轩瑞泽宁安远成林康庆东海波永平亮振家豪子嘉昊鸿"
GIVEN_FEMALE = "芳娜敏静秀丽艳娟霞玲莉雪梅兰红燕婷颖佳琳慧欣雨诗涵思怡悦洁莹倩蕾萍云月清雅梦彤瑶若晴晓蓉淑文嘉宁安"
RARE = "𠮷䶮㐂𬭎𣲗㛃𬍛堃"

# Characters of one sound, as a hurried hand or an input method takes one for the other.
HOMOPHONES = tuple(
    "静靖婧 晓小筱 伟炜玮 俊峻骏 轩宣萱 涛滔韬 磊蕾雷 琳林霖 莉丽俐 佳嘉家 永勇咏 颖莹瀛 涵晗含 雅娅 "
    "文雯 欣新昕 宇雨羽 志智致 辉晖徽 洁杰捷 燕艳彦 博勃 鹏朋 航杭 玲铃灵 倩茜 瑶遥 悦月越 淑舒 海亥 豪昊浩".split()
)
SIMPLIFIED = (
    "张陈刘杨赵黄吴孙马罗郑谢韩冯萧邓许吕苏卢蒋贾叶阎钟陆顾龙万钱汤贺赖"
    "龚伟强军涛刚辉飞国轩泽宁远庆东静丽艳莉兰红颖诗涵莹蕾云晓"
)
TRADITIONAL = (
    "張陳劉楊趙黃吳孫馬羅鄭謝韓馮蕭鄧許呂蘇盧蔣賈葉閻鐘陸顧龍萬錢湯賀賴"
    "龔偉強軍濤剛輝飛國軒澤寧遠慶東靜麗艷莉蘭紅穎詩涵瑩蕾雲曉"
)
TO_TRADITIONAL = {s: t for s, t in zip(SIMPLIFIED, TRADITIONAL, strict=True) if s != t}


class Place(NamedTuple):
    province: str
    city: str
    district: str


PLACES = tuple(
    Place(*line.split())
    for line in (
        "山东省 青岛市 市南区",
        "福建省 厦门市 思明区",
        "湖南省 长沙市 岳麓区",
        "江苏省 苏州市 姑苏区",
        "浙江省 宁波市 鄞州区",
        "重庆市 重庆市 渝中区",
        "天津市 天津市 和平区",
        "辽宁省 大连市 沙河口区",
        "河南省 郑州市 金水区",
        "安徽省 合肥市 蜀山区",
        "云南省 昆明市 五华区",
        "广东省 佛山市 禅城区",
    )
)
STREETS = tuple("梧桐路 云杉街 望湖路 青石巷 春晖大道 松涛路 桂香街 晴川路 锦屏街 东篱路 听雨巷".split())

EMAIL_DOMAINS = ("qq.com", "163.com", "126.com", "sina.com", "outlook.com", "foxmail.com", "gmail.com", "139.com")
EMAIL_JUNK = "test@test.com"
PHONE_JUNK = ("00000000000", "11111111111", "12345678901", "13800138000", "88888888888", "无", "不方便")
# Prefixes of mobile numbers in use, but for 167: that one is kept for the fixed members.
PHONE_PREFIXES = tuple(
    "130 131 132 133 135 136 137 138 139 150 151 152 153 155 156 157 158 159 166 173 175 176 177 178 180 181 182 183 "
    "185 186 187 188 189 191 193 198 199".split()
)
BIRTHDAY_IMPOSSIBLE = ("1990-02-30", "0000-00-00", "2099-01-01", "1850-05-05", "19991332", "1988年13月1日", "不详")

REMARK_PLAIN = ("喜欢浅色", "尺码偏大", "周末来得多", "要开发票")
REMARK_LINE_BREAK = ("常客,\n住得近", "先电话联系\n再送货")
REMARK_FORMULA = ('=HYPERLINK("http://example.invalid","点我")', "=1+1", "@SUM(A1:A9)", "+86-SUM(1)")
REMARK_SQL = ("'); DELETE FROM cards;--", "x' OR '1'='1")
REMARK_MARKUP = ("<script>alert(1)</script>", "<b>贵宾</b>")
REMARK_QUOTES = ('自称"老张"', '说："下次再办"')
REMARK_HEALTH = ("青霉素过敏", "膝盖做过手术", "怀孕六个月")
REMARK_CHILDREN = ("女儿上二年级", "常带双胞胎儿子来")
NICKNAME_EMOJI = ("🌻", "🐳", "🍀", "😺")
OLD_TIERS = ("基础", "标准", "核心", "VIP")
