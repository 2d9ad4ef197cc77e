"""The refusals of the door: no valid credential, no purpose, a purpose that does not belong to the role."""

from member_hub.errors import BadInput, Forbidden, Misconfigured, Refused, Unavailable


class Unauthenticated(Refused):
    """The credential is missing, broken, expired or not for us; the text never says which part was wrong."""

    code = "UNAUTHENTICATED"
    zh = "身份凭证缺失或无效。"
    en = "A valid access token is required."


class KeysUnavailable(Unavailable):
    """The token may be good: its issuer's keys cannot be had, so nobody can tell. Trying again later may help."""

    zh = "暂时无法取得签发方的公钥，无法验证凭证，请稍后重试。"
    en = "The issuer's keys cannot be had at the moment, so the token cannot be checked; try again later."


class RoleRequired(Forbidden):
    zh = "凭证含多个角色，须在 X-Role 中指定一个。"
    en = "Name one role in X-Role: the token carries several."


class RoleNotCarried(Forbidden):
    zh = "凭证不含 X-Role 指定的角色。"
    en = "The token does not carry the role that X-Role names."


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
