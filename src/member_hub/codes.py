"""Every code that a refusal may carry: what caused it, whether to send the same again, and what to do about it.

Programs act on codes, so the list is closed: a test walks every refusal and finds its code here. The documentation
(schema/ERRORS.md) is generated from this list by `member-hub schema errors`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Retry(StrEnum):
    NEVER = "never"  # the same request will be refused again
    CHANGED = "changed"  # after something was read or put right
    LATER = "later"  # the same request may pass after a while


class Place(StrEnum):
    ERRORS = "errors"  # of a GraphQL answer
    USER_ERRORS = "userErrors"  # of a mutation's payload
    COMMAND = "command line"


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    places: tuple[Place, ...]
    retry: Retry
    cause_zh: str
    cause_en: str
    remedy_zh: str
    remedy_en: str
    status: int | None = None  # where the whole request is refused; 200 or 294 where it is one field's


_E, _U, _C = Place.ERRORS, Place.USER_ERRORS, Place.COMMAND

CODES: Final = (
    Code(
        "AGE_UNKNOWN",
        (_U,),
        Retry.CHANGED,
        "会员年龄未知，不能征得该同意。",
        "Nobody knows how old the member is.",
        "先补充出生日期。",
        "State the date of birth first.",
    ),
    Code(
        "ALREADY_ENROLLED",
        (_U,),
        Retry.NEVER,
        "该渠道账号已经登记。",
        "The channel account is known already.",
        "按账号查找该会员。",
        "Look the member up by this account.",
    ),
    Code(
        "AUDIT_BEHIND",
        (_C,),
        Retry.LATER,
        "审计记录尚未全部封存。",
        "The audit log is not sealed up to where it has to be.",
        "启动服务，或稍后重试。",
        "Let the hub run, or try again later.",
    ),
    Code(
        "AUDIT_HEAD_BROKEN",
        (_C,),
        Retry.CHANGED,
        "数据库之外保存的审计封存头与写入时不一致。",
        "A line of the audit head outside the database is not one that was written.",
        "从副本恢复，并查明原因。",
        "Restore it from its copy, and find out why.",
    ),
    Code(
        "BACKDATED",
        (_U,),
        Retry.CHANGED,
        "决定时间早于告知，或早于之后的拒绝或撤回。",
        "The decision is dated before the asking, or before a later refusal.",
        "使用实际时间；或重新征求。",
        "Send the true time, or ask anew.",
    ),
    Code(
        "BAD_USER_INPUT",
        (_E, _U),
        Retry.CHANGED,
        "请求、文档、变量或某个输入值不符合要求；field 指出位置，从不给出值。",
        "The request, the document, a variable or a value is not what is expected; field says which, never the value.",
        "按提示修改后再发送。",
        "Put it right and send it again.",
        400,
    ),
    Code(
        "COLLECTION_NOT_CONSENTED",
        (_U,),
        Retry.CHANGED,
        "仅为某个目的收集字段，而该目的并非基于同意，或该会员当前没有有效的同意。",
        "A field is collected for a purpose that does not rest on consent, or this member's consent does not stand.",
        "先取得该目的的同意；为服务所需的字段不写 collectedFor。",
        "Obtain the consent first; leave collectedFor out where the service needs the field.",
    ),
    Code(
        "CONFLICT",
        (_E, _U),
        Retry.CHANGED,
        "数据已被他人修改，或该幂等键已用于另一请求。",
        "Somebody else changed it meanwhile, or the idempotency key stands for another request.",
        "重新读取后以新版本重试；另一请求用另一个键。",
        "Read again and retry with the new version; take a new key for another request.",
    ),
    Code(
        "CONSENT_NOT_THE_BASIS",
        (_U, _C),
        Retry.NEVER,
        "该处理目的不以同意为依据，或不在该告知书征求同意之列。",
        "The purpose does not rest on consent, or the notice does not ask about it.",
        "只就告知书列明、以同意为依据的目的征求同意。",
        "Ask only about consented purposes that the notice names.",
    ),
    Code(
        "CONSENT_REPLAYED",
        (_U,),
        Retry.CHANGED,
        "该次询问已得到答复。",
        "The asking that it answers has been answered already.",
        "重新出示告知书后再提交。",
        "Put the notice before the member again.",
    ),
    Code(
        "CONTACT_UNKNOWN",
        (_U,),
        Retry.CHANGED,
        "该会员没有这一联系方式。",
        "The member has no such phone number or address.",
        "使用会员的联系方式，或先更新档案。",
        "Name one of the member's, or update the profile first.",
    ),
    Code(
        "COOLING_DOWN",
        (_U,),
        Retry.LATER,
        "会员拒绝后处于冷静期，或已多次拒绝；任何渠道与应用都不得再次征求。",
        "The member refused; nobody asks again before the cool-down is over, over any channel.",
        "retryAfter 秒之后再征求；会员本人可随时主动提出。",
        "Ask again after retryAfter seconds; the member may begin at any time.",
    ),
    Code(
        "DEVELOPMENT_ONLY",
        (_C,),
        Retry.NEVER,
        "生产环境没有开发用令牌等功能。",
        "Development tokens and the like do not exist in production.",
        "使用授权服务器签发的令牌。",
        "Use the tokens of your authorisation server.",
    ),
    Code(
        "DOCUMENT_NOT_FOUND",
        (_E,),
        Retry.CHANGED,
        "没有为该调用方登记这个文档；生产环境中应用不能发送查询文本。",
        "No such document is registered for this caller; in production apps cannot send text.",
        "登记文档并批准其读取的字段（schema documents check、approve），再以 documentId 发送。",
        "Register the document, approve what it reads (schema documents check, approve), and send its documentId.",
        400,
    ),
    Code(
        "EVIDENCE_MISSING",
        (_U,),
        Retry.CHANGED,
        "代会员给出同意而没有凭证。",
        "Consent on somebody's behalf came without evidence.",
        "附上凭证种类与编号。",
        "Send what it is and where it is found.",
    ),
    Code(
        "FORBIDDEN",
        (_E, _U),
        Retry.NEVER,
        "当前角色与处理目的不允许该操作、该查找标识、该筛选或该写入。",
        "This role and purpose may not do this: the operation, the key, the filter or the write.",
        "用 policy explain 查看权限；以合适的角色与目的请求。",
        "See member-hub policy explain; ask in a role and for a purpose that may.",
        403,
    ),
    Code(
        "FUTURE_DATED",
        (_U,),
        Retry.CHANGED,
        "决定时间晚于现在。",
        "The decision is dated in the future.",
        "使用实际时间。",
        "Send the true time.",
    ),
    Code(
        "GUARDIAN_DUE",
        (_U,),
        Retry.NEVER,
        "会员未满十四周岁，须由监护人同意；已转由监护人决定。",
        "The member is under 14; a guardian decides, and the question was handed on.",
        "等待监护人答复。",
        "Wait for the guardian's answer.",
    ),
    Code(
        "INTERNAL",
        (_E, _C),
        Retry.LATER,
        "服务内部出错；详情在日志中，从不在答复中。",
        "Something went wrong in the hub; the log says what, the answer never does.",
        "把请求编号告知管理员。",
        "Tell the operator the request id.",
        500,
    ),
    Code(
        "LEDGER_BROKEN",
        (_C,),
        Retry.CHANGED,
        "删除台账与写入时不一致。",
        "The erasure ledger is not the chain that was written.",
        "从副本恢复台账；此前不执行任何删除。",
        "Restore it from its copy; nothing is erased meanwhile.",
    ),
    Code(
        "MASKED_VALUE",
        (_U,),
        Retry.CHANGED,
        "提交的是脱敏后的值。",
        "A masked form came back as a value.",
        "填写完整内容，或不提交该字段。",
        "Send the whole value, or leave the field out.",
    ),
    Code(
        "MINOR_APPROVAL_REQUIRED",
        (_U,),
        Retry.CHANGED,
        "会员未满十八周岁，该操作须经负责人单次批准（《未成年人网络保护条例》第三十六条）。",
        "The member is under 18, and this takes the responsible manager's approval for this one use.",
        "请负责人以 minorApprovalGrant（SINGLE_USE）批准后重试。",
        "Have it approved with minorApprovalGrant (SINGLE_USE), then try again.",
    ),
    Code(
        "MISCONFIGURED",
        (_C,),
        Retry.CHANGED,
        "设置、密钥文件或数据库有误。",
        "A setting, a key file or the database is not as it has to be.",
        "按提示处理；运行 member-hub doctor。",
        "Do what the text says; run member-hub doctor.",
    ),
    Code(
        "NOTICE_CHANGES_NOTHING",
        (_U, _C),
        Retry.CHANGED,
        "标明为实质变更，却未列明改变了哪些目的。",
        "The notice is said to be material, and names no purpose that it changes.",
        "在 changed 中列出目的，或标明为非实质变更。",
        "Name the purposes in changed, or say that it is not material.",
    ),
    Code(
        "NOTICE_CHANGE_IS_MATERIAL",
        (_U, _C),
        Retry.CHANGED,
        "清单中涉及需同意的处理目的的内容已改变，却未标明为实质变更。",
        "The lists changed in what a consented purpose rests on, and the notice does not say so.",
        "标明为实质变更，并在 changed 中列出该目的。",
        "Say that it is material and name the purpose in changed.",
    ),
    Code(
        "NOTICE_LEAVES_OUT",
        (_U, _C),
        Retry.CHANGED,
        "该告知书不再包含一项仍有会员同意的目的。",
        "The notice leaves out a purpose on which consents rest.",
        "写入该目的，或标明为实质变更并在 changed 中列出。",
        "Ask about it, or say that the notice is material and name it in changed.",
    ),
    Code(
        "NOTICE_NAME_TAKEN",
        (_U, _C),
        Retry.CHANGED,
        "该版本名称已用于另一份告知书；已发布的内容不可更改。",
        "The name stands for another notice, and what is published never changes.",
        "另取版本名称。",
        "Take another name.",
    ),
    Code(
        "NOTICE_NOT_CURRENT",
        (_U,),
        Retry.CHANGED,
        "该告知书已被新的版本取代，或其后该目的发生了实质变更。",
        "A newer notice replaced it, or the purpose changed materially since.",
        "读取 noticeCurrent 后以现行版本重试。",
        "Read noticeCurrent and use the notice in force.",
    ),
    Code(
        "NOTICE_UNKNOWN",
        (_U,),
        Retry.NEVER,
        "没有这样的告知书。",
        "There is no such notice.",
        "读取 noticeCurrent。",
        "Read noticeCurrent.",
    ),
    Code(
        "NOT_AN_ADULT",
        (_U,),
        Retry.CHANGED,
        "监护人未成年，或其档案中没有出生日期。",
        "The guardian is not of age, or has no birth date on their profile.",
        "先在监护人本人的档案中填写出生日期。",
        "State the guardian's birth date on their own profile first.",
    ),
    Code(
        "NOT_ASKED_AGAIN",
        (_U,),
        Retry.NEVER,
        "会员已撤回，或先前的同意已失效；只有会员本人可以重新开始。",
        "The member withdrew, or the consent ended; only the member begins anew.",
        "等待会员主动提出。",
        "Wait until the member begins.",
    ),
    Code(
        "NOT_A_CHILD",
        (_U,),
        Retry.NEVER,
        "该会员已满十四周岁，由本人作出同意，不需要监护人。",
        "The member is 14 or older, decides alone and has no guardian here.",
        "由会员本人作出同意；出生日期有误的，先更正。",
        "Let the member decide; where the birth date is wrong, put it right first.",
    ),
    Code(
        "NOT_FOUND",
        (_E, _U, _C),
        Retry.NEVER,
        "不存在，或不在可见范围内；两者不作区分。",
        "It does not exist, or is out of reach; the two look the same.",
        "核对标识与数据范围。",
        "Check the id and the reach of the role.",
    ),
    Code(
        "NOT_GENUINE",
        (_C,),
        Retry.NEVER,
        "该文件与签发时不完全一致，或并非由此密钥签发。",
        "The file is not, byte for byte, what this key signed.",
        "重新下载收据或导出文件；核对所用公钥。",
        "Have the receipt or export made anew, and check which public key it is to be checked with.",
    ),
    Code(
        "NOT_SERVED",
        (_U,),
        Retry.CHANGED,
        "未向该会员就此内容出示过该告知书。",
        "This notice was not put before this member with this question.",
        "先出示告知书（noticeServed）。",
        "Put the notice before the member first (noticeServed).",
    ),
    Code(
        "NO_BIT_LEFT",
        (_U, _C),
        Retry.LATER,
        "同意标志位已用尽。",
        "Every bit that a purpose could get is in use.",
        "等待定时任务回收被取代的标志位。",
        "Let the job free those that newer notices replaced, then publish again.",
    ),
    Code(
        "OBJECTION_NOT_POSSIBLE",
        (_U,),
        Retry.CHANGED,
        "履行会员合同或法定义务所必需的处理不能单独拒绝。",
        "The membership or a statute needs the processing that was objected to.",
        "可限制全部处理，或注销会员。",
        "Object to everything, or cancel the membership.",
    ),
    Code(
        "OUTRANKED",
        (_U,),
        Retry.NEVER,
        "该字段已有更可靠的值（例如已验证的值）。",
        "A value that counts for more, such as a verified one, stands in the field.",
        "先验证新值。",
        "Verify the new value first.",
    ),
    Code(
        "OWN_PHONE_REQUIRED",
        (_U,),
        Retry.CHANGED,
        "监护人没有本人验证过的手机号，或该号码就是儿童的手机号。",
        "The guardian has no verified phone of their own, or it is the child's.",
        "监护人先验证本人的手机号。",
        "Let the guardian verify a phone of their own first.",
    ),
    Code(
        "PIA_MISSING",
        (_U, _C),
        Retry.NEVER,
        "该处理目的没有备案的个人信息保护影响评估。",
        "The purpose has no impact assessment on file (PIPL 55).",
        "完成评估并在 consent.toml 中登记编号。",
        "Carry it out, and put its number into consent.toml.",
    ),
    Code(
        "POLICY_REFUSED",
        (_C,),
        Retry.CHANGED,
        "策略文件有误，整体不生效；指出文件、行与原因。",
        "A policy file was refused, and nothing of it holds; file, line and reason are named.",
        "改正该行；运行 policy check。",
        "Correct the line; run policy check.",
    ),
    Code(
        "PURPOSE_NOT_ALLOWED",
        (_E,),
        Retry.NEVER,
        "声明的处理目的不在令牌或策略中。",
        "The declared purpose is not in the token, or not in the policy for this role.",
        "声明令牌与策略都允许的目的。",
        "Declare a purpose that both allow.",
        403,
    ),
    Code(
        "PURPOSE_REQUIRED",
        (_E,),
        Retry.CHANGED,
        "令牌带有多个处理目的，而请求未声明其一。",
        "The token carries several purposes and the request declares none.",
        "在 X-Purpose 中声明一个目的。",
        "Declare one in X-Purpose.",
        403,
    ),
    Code(
        "QUERY_TOO_COMPLEX",
        (_E,),
        Retry.CHANGED,
        "文档的深度、别名、字段、片段、指令或成本超出上限。",
        "The document goes beyond a limit: depth, aliases, fields, fragments, directives or cost.",
        "分页或拆分请求；extensions.cost 给出成本与上限。",
        "Take smaller pages or several requests; extensions.cost says cost and limit.",
        422,
    ),
    Code(
        "REFUSED",
        (_E,),
        Retry.NEVER,
        "请求被拒绝。",
        "The request was refused.",
        "见错误文本。",
        "See the text.",
    ),
    Code(
        "SEPARATE_ACT_DUE",
        (_U,),
        Retry.CHANGED,
        "其中有须取得单独同意的内容。",
        "Something in the call needs a consent of its own.",
        "逐项、分次提交。",
        "Send each by itself.",
    ),
    Code(
        "STEP_UP_REQUIRED",
        (_U,),
        Retry.CHANGED,
        "需要近期完成的二次验证，或他人的批准。",
        "It needs a fresh second factor, or the approval of a second person.",
        "完成二次验证后以新令牌重试，或请他人批准。",
        "Sign in again with the second factor, or have it approved.",
    ),
    Code(
        "TAMPERED",
        (_E, _C),
        Retry.NEVER,
        "存储的值未通过完整性校验。",
        "A stored value is not what was sealed here.",
        "联系管理员；该值不会被展示。",
        "Tell the operator; the value is not shown.",
    ),
    Code(
        "THROTTLED",
        (_E, _U),
        Retry.LATER,
        "请求成本、按标识查找的次数、验证码或某操作当日的次数超出限额，或同一地址的无效令牌或验证码尝试过多。",
        "Cost, look-ups, codes or a day's number of something are used up, or too many bad tokens or tries of codes "
        "came from one address.",
        "等待 extensions.retryAfter 秒（亦见 Retry-After；userErrors 中为 retryAfter）后重试；每日限额次日重新计算。",
        "Wait extensions.retryAfter seconds (Retry-After too; in userErrors retryAfter), then retry; what is limited "
        "by the day, tomorrow.",
        429,
    ),
    Code(
        "TOO_MANY_CONNECTED",
        (_C,),
        Retry.NEVER,
        "相互关联的账号过多，无法一次判定。",
        "More accounts hang together than can be resolved at once.",
        "查看候选对，分开不属于同一人的账号。",
        "Look at the candidates and keep apart what is not one person.",
    ),
    Code(
        "UNAUTHENTICATED",
        (_E,),
        Retry.CHANGED,
        "令牌缺失、损坏、过期或不是发给本服务的；不说明是哪一种。",
        "The token is missing, broken, expired or not for this hub; which one is never said.",
        "取得新令牌。",
        "Get a new token.",
        401,
    ),
    Code(
        "UNAVAILABLE",
        (_E, _C),
        Retry.LATER,
        "数据库、审计日志或其他依赖暂不可用；没有任何改动被提交。",
        "The database, the audit log or something else that is needed does not answer; nothing was changed.",
        "稍后重试；写操作使用同一幂等键。",
        "Retry later; a change with the same idempotency key.",
        503,
    ),
)

_HEAD: Final = """\
# Error codes 错误代码

Generated by `member-hub schema errors` from `src/member_hub/codes.py`; do not edit. 由代码生成，请勿手改。

`errors` carry the code in `extensions.code`, payloads in `userErrors { code }`, commands by their text. Retry:
*never*, the same is refused again; *changed*, after something was read or put right; *later*, as it is, after a while.
The status is that of a request which is refused as a whole, in `application/graphql-response+json`.
重试：never 不会成功；changed 修改或重新读取后；later 稍后可原样重试。
"""


def as_markdown() -> str:
    """The documentation of all codes. Ends in a line feed."""
    return _HEAD + "".join(_entry(code) for code in CODES)


def _entry(code: Code) -> str:
    about = [", ".join(code.places), f"retry: {code.retry}"]
    about += [f"status {code.status}"] if code.status else []
    return (
        f"\n## {code.name}\n{'; '.join(about)}\n\n{code.cause_en} {code.remedy_en}\n\n{code.cause_zh}{code.remedy_zh}\n"
    )
