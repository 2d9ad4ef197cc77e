"""Why something about tags is refused."""

from member_hub.errors import BadInput, Conflict, Forbidden, Refused


class BadRule(BadInput):
    """`field` is the place in the rule (rule.all.0.figure): made of our own words, never of what stands there."""

    code = "TAG_RULE_INVALID"
    zh = "标签规则无效。"
    en = "The rule of a tag is not valid."

    def __init__(self, place: str, en: str, *, zh: str) -> None:
        super().__init__(f"At {place}: {en}", zh=f"位置 {place}：{zh}", field=place)


class BadDefinition(BadInput):
    zh = "标签定义无效。"
    en = "The definition of a tag is not valid."


class TooManyTags(Conflict):
    code = "TAGS_LIMIT"
    zh = "标签数量已达上限。"
    en = "There are as many tags as there may be."


class OwnProposal(Forbidden):
    """Whoever proposed it cannot approve it, in whichever role."""

    code = "SECOND_PERSON_REQUIRED"
    zh = "须由另一人批准。"
    en = "Somebody else has to approve this."


class NotInForce(Conflict):
    zh = "该版本已批准，或已有更新的版本。"
    en = "This version was approved before, or a newer one exists."


class TagNotByHand(Refused):
    code = "TAG_NOT_BY_HAND"
    zh = "该标签不由人工打标或移除。"
    en = "This tag is not given or taken by hand."


class TagNotPossible(Refused):
    """One text for age, objection and missing consent: which of them is nobody's business here."""

    code = "TAG_NOT_POSSIBLE"
    zh = "该会员不能使用此标签：年龄、会员的反对或缺少同意不允许。"
    en = "This member cannot have this tag: the age, an objection or a missing consent is against it."
