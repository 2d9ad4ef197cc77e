"""The audit log as the schema shows it."""

from datetime import datetime

import strawberry

from member_hub.access import CallerKind
from member_hub.audit.looks import FieldUse, LookKind
from member_hub.graphql.paging import PageInfo
from member_hub.privacy import Purpose
from member_hub.revealing import RevealReason

strawberry.enum(CallerKind, description="What kind of caller asked; SYSTEM is the hub itself, by a command or a job.")
strawberry.enum(
    LookKind,
    name="LookKind",
    description=(
        "What was done: LOOK_UP of one member 查找, LIST of many 列表或统计, CHANGE 变更, REVEAL of one masked field "
        "in clear 查看明文, CODE sent or shown for the till 收银台验证码或会员码, CONTACT, whether the "
        "member may be written to or called 联系前核对, SIGN_IN by the member 会员登录, COPY "
        "of what is held 导出副本, ERASURE 删除, RECORD when somebody read who had looked 查阅访问记录, OTHER 其他."
    ),
)
strawberry.enum(
    FieldUse,
    description=(
        "What was done with a field: shown in CLEAR or MASKED, only compared (MATCHED), not shown at all (DENIED), "
        "not shown for this purpose, because it was given for another alone (NOT_CONSENTED 未就该目的取得同意), a "
        "list narrowed by it (FILTER), a new value sent (WRITE), the member found by it (KEY), shown in clear this "
        "once although masked otherwise (REVEAL 查看明文), or a colleague allowed to see it so (APPROVE 批准查看)."
    ),
)

strawberry.enum(
    RevealReason,
    description=(
        "Why a masked field has to be seen: CALL_BACK, WRITE_BACK, the member waits for an answer; DELIVERY; "
        "COMPLAINT; IDENTITY_CHECK, to compare with what the member says; SAFETY_RECALL, a product has to come back."
    ),
)


@strawberry.type(description="A name in both languages.")
class Label:
    zh: str = strawberry.field(description="Chinese.")
    en: str = strawberry.field(description="English.")


@strawberry.type(description="One request on record: who, as what, why, what, about whom; never a value.")
class AuditEntry:
    happened_at: datetime = strawberry.field(description="When.")
    request_id: str = strawberry.field(description="The request id that the answer carried.")
    caller_kind: CallerKind = strawberry.field(description="What kind of caller.")
    caller: str = strawberry.field(description="Staff number, app name, or opaque member id.")
    role: str = strawberry.field(description="The acting role.")
    purpose: Purpose | None = strawberry.field(
        description="The declared purpose; null where none was declared or none of the list (purposeStated)."
    )
    purpose_stated: str = strawberry.field(
        description="The purpose as it stands on record; none or unknown where purpose is null."
    )
    operations: list[str] = strawberry.field(description="Operations of the API, or the command.")
    outcome: str = strawberry.field(description="ok, missed, or the code of the refusal.")
    fields: list[str] = strawberry.field(description="Guarded fields with their state, and keys looked up by.")
    member_ids: list[strawberry.ID] = strawberry.field(description="Global ids of the members concerned.")
    writer: str = strawberry.field(description="The process that wrote the entry.")
    sequence: int = strawberry.field(description="Its number, without a gap per writer and month.")


@strawberry.type(description="An audit entry in its place in the list.")
class AuditEntryEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after` and `before`.")
    node: AuditEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the audit log, the newest first.")
class AuditEntryConnection:
    edges: list[AuditEntryEdge] = strawberry.field(description="The entries of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.input(description="What audit entries have in common; everything stated has to be true.")
class AuditFilter:
    member_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="About this member, also under ids merged into it."
    )
    actor: str | None = strawberry.field(
        default=strawberry.UNSET, description="By this staff number, app name or member id."
    )
    purpose: Purpose | None = strawberry.field(default=strawberry.UNSET, description="For this purpose.")
    operation: str | None = strawberry.field(default=strawberry.UNSET, description="Exactly this operation.")
    outcome: str | None = strawberry.field(default=strawberry.UNSET, description="With this outcome.")
    since: datetime | None = strawberry.field(default=strawberry.UNSET, name="from", description="Then or later.")
    until: datetime | None = strawberry.field(default=strawberry.UNSET, name="to", description="Earlier than this.")


@strawberry.type(description="What was done with one field.")
class FieldLook:
    field: str = strawberry.field(description="The guarded object (member.phone), or the kind of key (phone).")
    use: FieldUse = strawberry.field(description="How it was used.")


@strawberry.type(description="What was done about the member's consent, guardian or objections.")
class LookDeed:
    deed: str = strawberry.field(description="What: consent.granted, notice, guardian.linked, restrict.applied...")
    about: str | None = strawberry.field(description="About what: marketing.sms; null: the person as such.")
    label: Label = strawberry.field(description="Both for people.")


@strawberry.type(description="One look at the asking member: by which kind of caller, when and why; never by whom.")
class Look:
    happened_at: datetime = strawberry.field(description="When.")
    caller_kind: CallerKind = strawberry.field(description="What kind of caller.")
    role: Label = strawberry.field(description="The acting role.")
    purpose: Purpose | None = strawberry.field(
        description="The declared purpose; null where none of the list was declared."
    )
    purpose_text: Label | None = strawberry.field(description="The purpose with its legal basis, for people.")
    kinds: list[LookKind] = strawberry.field(description="What was done.")
    fields: list[FieldLook] = strawberry.field(description="Which fields, and how.")
    deeds: list[LookDeed] = strawberry.field(
        description="What was done about consent, guardians and objections; empty for what was refused."
    )
    refused: bool = strawberry.field(description="Whether it was refused: then nothing was shown or changed.")
    reason: RevealReason | None = strawberry.field(
        description="Why a masked field had to be seen; null for what is no reveal."
    )


@strawberry.type(description="A look in its place in the list.")
class AccessHistoryEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: Look = strawberry.field(description="The look.")


@strawberry.type(description="A page of who looked at the asking member, the newest first.")
class AccessHistoryConnection:
    edges: list[AccessHistoryEdge] = strawberry.field(description="The looks of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
