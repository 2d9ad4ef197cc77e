"""Chinese surnames of two characters, simplified and traditional: how much of a name its mask shows."""

from typing import Final

COMPOUND_SURNAMES: Final = frozenset(
    (
        "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 "
        "公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 亓官 司寇 巫马 公西 颛孙 壤驷 漆雕 乐正 宰父 谷梁 拓跋 夹谷 "
        "轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门 南荣 第五 贺兰 纳兰 "
        "歐陽 東方 獨孤 南宮 萬俟 聞人 諸葛 尉遲 赫連 澹臺 宗政 濮陽 公孫 仲孫 鍾離 長孫 鮮于 閭丘 亓官 巫馬 顓孫 壤駟 "
        "漆雕 樂正 穀梁 夾谷 軒轅 段干 東郭 南門 羊舌 梁丘 左丘 東門 西門 南榮 賀蘭 納蘭 司馬 皇甫 慕容"
    ).split()
)
