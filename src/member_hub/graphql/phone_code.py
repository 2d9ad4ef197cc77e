"""Sending a code that a member at the till reads back: proves that the one with this number stands there."""

from typing import Annotated

import strawberry

from member_hub.access import CallerKind, Key
from member_hub.errors import BadInput, Refused
from member_hub.graphql.asking import Asking
from member_hub.graphql.problems import UserError, user_errors
from member_hub.graphql.query import Info
from member_hub.sign_in import (
    ADDRESS_LIMITS,
    APP_LIMITS,
    CODE_LIVES,
    PHONE_CHARS_MAX,
    CodeNotSent,
    CodePurpose,
    Post,
)
from member_hub.telling import Kind
from member_hub.throttling import Throttled


@strawberry.type(description="What became of a code; the same for every number, known or not.")
class PhoneCodeSendPayload:
    expires_in_s: int | None = strawberry.field(description="How long the code can be read back; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def phone_code_send(
    info: Info, phone: Annotated[str, strawberry.argument(description="The whole number, in any usual spelling.")]
) -> PhoneCodeSendPayload:
    """On record before the code is sent, whether or not anybody is known with the number."""
    asking = info.context
    try:
        await _send(asking, phone)
    except (BadInput, Throttled) as refused:
        asking.trail.refusal = refused.code
        return PhoneCodeSendPayload(expires_in_s=None, user_errors=user_errors(refused, asking.language))
    return PhoneCodeSendPayload(expires_in_s=int(CODE_LIVES.total_seconds()), user_errors=[])


async def _send(asking: Asking, phone: str) -> None:
    if not phone.strip() or len(phone) > PHONE_CHARS_MAX:
        raise BadInput(field="phone")
    asking.trail.looks_up(Key.PHONE)
    hub, caller = asking.hub, asking.caller
    post = Post(hub.database, hub.vault, hub.sender, hub.settings.codes_per_hour)
    posted = await post.issue(
        phone,
        CodePurpose.TILL,
        address=f"{caller.kind} {caller.subject}",
        limits=APP_LIMITS if caller.kind is CallerKind.APP else ADDRESS_LIMITS,
    )
    if posted.holders:
        asking.trail.finds(posted.holders)
    await asking.write_trail()
    try:
        await post.hand_over(posted, Kind.TILL_CODE, asking.language.value)
    except CodeNotSent as refusal:
        _record_again(asking, refusal)
        raise


def _record_again(asking: Asking, refusal: Refused) -> None:
    """What was put on record did not come to pass, and a second entry says so."""
    asking.trail.refusal, asking.trail.is_written = refusal.code, False
