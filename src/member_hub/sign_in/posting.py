"""From a number that was asked with to a code on its way: issued in a transaction, handed over after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from member_hub.crypto import Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.engines import Database
from member_hub.identity.rules import Rules, opened_with
from member_hub.ids import MemberId
from member_hub.sign_in import codes, queries
from member_hub.sign_in.codes import Issued, Subject
from member_hub.sign_in.refusals import CodeNotSent, NoSender
from member_hub.sign_in.rules import (
    ADDRESS_LIMITS,
    CODE_LIVES,
    PHONE_CHARS_MAX,
    Asked,
    CodePurpose,
    Limit,
    asked,
    is_code,
    is_fresh,
)
from member_hub.telling import By, Kind, Message, NotSent, Sender


@dataclass(frozen=True, slots=True, repr=False)
class Posted:
    """A code that counts from now on, not sent yet; `holders` are known with the number, for the record."""

    asked: Asked
    issued: Issued
    holders: Sequence[MemberId] = field(default=())


@dataclass(frozen=True, slots=True)
class Post:
    """`sender` is None where production has none: then no code is made."""

    database: Database
    vault: Vault
    sender: Sender | None
    codes_per_hour: int  # of the whole hub

    def require(self) -> Sender:
        if self.sender is None:
            raise NoSender
        return self.sender

    async def issue(
        self, phone: str, purpose: CodePurpose, *, address: str, limits: Sequence[Limit] = ADDRESS_LIMITS
    ) -> Posted:
        """Raises CodeNotSent, TooManyCodes; the caller puts it on record before it hands the code over."""
        self.require()
        said = asked(phone)
        subject = Subject.of(self.vault, said.spelled, purpose)
        async with transaction(self.database.app) as tx:
            issued = await codes.issue(
                tx,
                self.vault,
                subject,
                address=address,
                limits=limits,
                budget=self.codes_per_hour,
                is_sent=said.is_reachable,
            )
            return Posted(said, issued, await holders(tx, subject))

    async def hand_over(self, posted: Posted, kind: Kind, language: str) -> None:
        """Send the code, if anything can be sent to the number. Raises CodeNotSent, and then the code is void."""
        if not posted.asked.is_reachable:
            return
        values = {"code": posted.issued.code, "minutes": str(CODE_LIVES // timedelta(minutes=1))}
        message = Message(posted.issued.code_id, kind, language, By.SMS, posted.asked.spelled, values)
        sender = self.require()
        try:
            await sender.send(message)
        except NotSent as unsent:
            async with transaction(self.database.app) as tx:
                await codes.void(tx, posted.issued.code_id)
            raise CodeNotSent from unsent


async def holders(tx: Tx, subject: Subject) -> list[MemberId]:
    """Who verified the number; asked for in every case, so that the work is the same.

    Whoever only typed it is not named in the entries about its owner's codes: those would show in their own history.
    """
    held = await queries.holdings(tx, subject.phone_token)
    return sorted({one.member_id for one in held if one.verified_at is not None})


async def redeem_till_code(
    tx: Tx, vault: Vault, phone: str, code: str, *, handler: str | None, now: datetime
) -> MemberId | None:
    """The member of the handler who verified the number within 90 days, for a code that was read back at the till.

    None for all else. Every call with six digits is a try: the caller commits whatever the answer. A code finds once.
    What was verified longer ago, or joined by nothing but such an old number, is found by card or member code: the
    number may be somebody else's by now (actions.py).
    """
    if handler is None or len(phone) > PHONE_CHARS_MAX or not is_code(code):
        return None
    said = asked(phone)
    subject = Subject.of(vault, said.spelled, CodePurpose.TILL)
    held = await queries.holdings(tx, subject.phone_token, handler=handler)
    code_id = await codes.attempt(tx, vault, subject, code)
    if code_id is None or not said.is_reachable or not await codes.use(tx, code_id):
        return None
    fresh = [one for one in held if is_fresh(one.verified_at, now)]
    if not fresh:
        return None
    member_id = max(fresh, key=lambda one: one.firmness).member_id
    facts = await queries.facts_of_member(tx, vault, member_id)
    opened = opened_with(facts, subject.phone_token, [one.origin_id for one in fresh], Rules())
    return member_id if len(opened) == len(facts) else None
