"""Characters of given names that sound alike and are typed for one another (峻 for 俊, 宣 for 轩).

Decision: a table of our own of some eight hundred characters that are usual in given names, by syllable without
tone. DOMAIN asks for pinyin; the libraries that know it bring megabytes of dictionary for what one table does here.
Price: a rare character has no sound, so a rare pair is taken for two different names and goes to review.
"""

from collections.abc import Mapping
from typing import Final

_BY_SYLLABLE: Final = """
ai 爱艾蔼霭 an 安岸桉 ang 昂 ao 傲奥澳翱 bai 百柏白佰 ban 斑班 bang 邦榜 bao 宝保葆豹 bei 北贝蓓倍 ben 本奔
bi 碧必毕弼璧 biao 彪标飚骠 bin 斌彬滨宾缤 bing 冰兵秉丙炳 bo 波博伯勃柏渤 bu 步 cai 彩才财材采偲 can 灿璨
cang 苍沧 chang 昌畅常长嫦 chao 超潮朝 chen 晨辰臣琛宸尘忱 cheng 成诚程城承呈澄丞橙铖 chi 池驰赤
chong 崇冲 chu 楚初础储 chuan 川传 chun 春纯淳醇椿 ci 慈词 cong 聪丛 cui 翠璀 da 达大 dan 丹旦 dao 道 de 德得
deng 登灯 di 迪笛棣 dian 典 die 蝶 ding 丁鼎定 dong 东冬栋董懂 dou 豆 du 都杜 duan 端 duo 多朵铎 e 娥鄂 en 恩
er 尔儿 fa 发 fan 凡帆范樊繁 fang 芳方放舫 fei 飞菲妃斐非霏翡 fen 芬芳纷汾 feng 峰丰锋风凤枫烽封 fu 福富夫甫芙扶傅付馥
gai 盖 gan 甘 gang 刚钢岗罡 gao 高 ge 歌格戈 gen 根 geng 耕庚 gong 功公恭龚 gu 谷古 guan 冠观官关 guang 光广
gui 贵桂圭瑰 guo 国果 hai 海亥 han 涵含晗汉寒翰函韩瀚罕 hang 航杭 hao 浩昊豪皓好灏颢郝 he 和荷河贺赫禾鹤合
heng 恒衡亨珩 hong 红洪宏鸿虹弘泓 hou 厚 hu 虎湖胡 hua 华花桦骅 huai 怀淮 huan 欢焕环桓寰 huang 凰煌
hui 辉慧惠会晖卉蕙徽汇 huo 火 ji 吉季继纪佳集基计骥济寄 jia 佳嘉家加甲珈 jian 建健剑坚俭简鉴见 jiang 江将疆
jiao 娇姣皎 jie 杰洁捷婕节介界 jin 金锦瑾进晋今近津 jing 静靖晶京景敬菁婧竞璟镜经精 jiu 久 ju 菊驹 juan 娟涓鹃
jue 珏觉爵 jun 俊峻军君钧骏均珺 kai 凯恺楷开锴铠 kang 康 ke 科可珂克柯 kong 空 kuan 宽 kui 奎葵逵 kun 坤昆琨鲲
lai 来莱 lan 兰岚澜蓝 lang 朗郎琅 lei 磊雷蕾垒 li 丽莉力立利理礼黎俐励璃李里骊 lian 莲连廉恋涟
liang 亮良梁粱 liao 辽 lin 林琳霖麟临邻淋 ling 玲灵凌铃岭令苓伶羚翎菱 liu 流柳榴 long 龙隆珑 lou 楼 lu 路璐露鹿陆禄
luan 鸾 lun 伦轮 luo 洛罗络骆 lv 绿吕旅 ma 马 man 曼满蔓 mang 芒 mao 茂毛懋 mei 梅美媚玫眉莓 men 门
meng 梦萌孟蒙 mi 米蜜 mian 绵勉 miao 苗妙淼 min 敏民旻珉闽岷 ming 明铭鸣茗名 mo 墨默莫茉 mu 木沐慕牧穆暮睦
na 娜那 nan 南楠男喃 ni 妮霓倪尼 nian 年念 ning 宁凝柠 nuo 诺娜 ou 鸥欧 pan 盼攀潘 pei 培佩沛裴霈 peng 鹏朋彭蓬澎
pian 翩 ping 平萍苹屏 po 坡 pu 普璞 qi 琪琦奇启齐祺淇岐旗琪骐绮其祁麒棋期起 qian 倩谦千前茜乾芊潜 qiang 强蔷
qiao 巧乔桥俏侨 qin 琴勤秦沁芹钦 qing 清青庆晴情卿 qiong 琼 qiu 秋球丘 qu 曲 quan 泉全权铨荃 que 雀 qun 群
ran 然冉燃 rao 娆 ren 仁人任 rong 荣蓉容融榕溶戎 rou 柔 ru 如儒茹汝 ruan 阮 rui 瑞睿锐蕊芮 run 润 ruo 若 sa 飒
sai 赛 sen 森 sha 莎沙 shan 山珊杉善姗 shang 尚 shao 少绍韶 she 舍 shen 深申慎 sheng 胜生声盛升圣昇
shi 诗石时世士实师施史仕 shou 寿守 shu 书淑舒树殊姝 shuai 帅 shuang 双霜爽 shui 水 shun 顺舜 shuo 硕朔烁 si 思斯丝司
song 松嵩颂宋 su 苏素 sui 岁穗 sun 孙 suo 索 tai 泰太台 tan 坦檀 tang 堂棠唐 tao 涛桃滔韬陶 teng 腾藤 tian 天田甜恬
tie 铁 ting 婷庭廷亭挺停霆 tong 桐同彤童通统佟潼 tu 图 wan 万婉晚琬湾菀 wang 旺望 wei 伟炜玮维威微薇卫魏唯惟巍蔚韦为未纬
wen 文雯稳闻温纹 wo 沃 wu 武舞午吾吴五伍梧 xi 曦希西溪熙喜席锡惜夕玺羲茜兮皙 xia 霞夏侠霞 xian 贤先显仙娴宪弦
xiang 祥香翔湘向想相享祥 xiao 晓小萧笑肖潇筱霄孝啸骁 xie 谐协 xin 欣新鑫心馨昕辛芯信歆忻 xing 星兴杏幸行醒型 xiong 雄
xiu 秀修绣 xu 旭许徐绪煦栩 xuan 轩宣萱璇玄炫旋铉煊 xue 雪学 xun 勋迅逊寻 ya 雅亚娅 yan 燕艳岩彦妍研言颜焱严延嫣雁炎砚
yang 阳洋杨扬羊央 yao 瑶尧耀遥姚曜 ye 叶业烨野晔 yi 一怡宜艺毅义益逸仪亦依伊奕翼忆易谊溢 yin 银音茵吟寅殷引因
ying 瀛英莹颖盈影瑛迎滢映樱应 yong 永勇咏涌庸雍泳 you 优友佑悠幼游 yu 玉宇雨钰瑜裕育余语羽毓昱煜誉豫愉禹郁渝
yuan 远元源圆媛园缘苑渊原 yue 月悦越岳跃粤玥 yun 云芸运韵允昀蕴 zan 赞 ze 泽则 zeng 增曾 zhan 展占湛战 zhang 章璋彰掌
zhao 昭照朝钊 zhe 哲喆浙 zhen 珍振真镇贞臻震祯 zheng 正政征争峥铮 zhi 志智芝治之知芷致直至 zhong 中忠仲钟 zhou 州洲舟周
zhu 珠竹柱祝筑 zhuang 壮庄 zhuo 卓琢灼 zi 子梓紫资姿自 zong 宗 zu 祖 zuo 佐
"""


def _read(table: str) -> Mapping[str, frozenset[str]]:
    """Character to its syllables; one that stands under two (茜) sounds like both."""
    sounds: dict[str, frozenset[str]] = {}
    syllable = ""
    for word in table.split():
        if word.isascii():
            syllable = word
            continue
        for character in word:
            sounds[character] = sounds.get(character, frozenset()) | {syllable}
    return sounds


_SOUNDS: Final = _read(_BY_SYLLABLE)


def sound_alike(a: str, b: str) -> bool:
    """Whether two simplified strings of one length are, character by character, equal or of one sound."""
    return len(a) == len(b) and all(
        x == y or _SOUNDS.get(x, _NONE) & _SOUNDS.get(y, _NONE) for x, y in zip(a, b, strict=True)
    )


_NONE: Final[frozenset[str]] = frozenset()
