"""What can be wrong with how a notice is spelled, said field by field. Pure."""

import unicodedata

from member_hub.errors import BadInput


def unknown_change() -> BadInput:
    return bad(
        "changed",
        "what a notice changes is among its purposes or those of the one before, and then it is material",
        "被改变的目的须在该告知书或前一份告知书的目的之中，且须标明为实质变更",
    )


def check_text(field: str, value: str, most: int) -> None:
    if not 0 < len(value.strip()) <= len(value) <= most:
        raise bad(field, f"1 to {most} characters", f"须为 1 至 {most} 个字符")
    if any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} and c != "\n" for c in value):
        raise bad(field, "it holds an invisible character", "含有不可见字符")


def bad(field: str, en: str, zh: str) -> BadInput:
    return BadInput(f"{en[0].upper()}{en[1:]}.", zh=f"{zh}。", field=field)
