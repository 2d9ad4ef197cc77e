"""The refusals of the door: no valid credential, no purpose, a purpose that does not belong to the role."""

from member_hub.errors import BadInput, Misconfigured, Refused


class Unauthenticated(Refused):
    """The credential is missing, broken, expired or not for us; the text never says which part was wrong."""

    code = "UNAUTHENTICATED"
    zh = "身份凭证缺失或无效。"
    en = "A valid access token is required."


class PurposeRequired(Refused):
    code = "PURPOSE_REQUIRED"
    zh = "须声明处理目的（X-Purpose）。"
    en = "Declare one purpose in X-Purpose: the token carries several."


class PurposeNotAllowed(Refused):
    code = "PURPOSE_NOT_ALLOWED"
    zh = "凭证或策略不允许该角色用于此处理目的。"
    en = "The token or the policy does not allow this purpose to this role."


class MaskedValue(BadInput):
    """A masked form came back as a value: writing it would destroy what it stands for."""

    code = "MASKED_VALUE"
    zh = "提交的是脱敏后的值，请填写完整内容。"
    en = "This is a masked value; send the whole value, or leave the field out."


class DevelopmentOnly(Misconfigured):
    """Development tokens do not exist in production."""

    code = "DEVELOPMENT_ONLY"
