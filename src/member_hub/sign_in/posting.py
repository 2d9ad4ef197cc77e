"""From a number that was asked with to a code on its way: issued in a transaction, handed over after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from member_hub.crypto import Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.engines import Database
from member_hub.ids import MemberId
from member_hub.sign_in import codes, queries
from member_hub.sign_in.codes import Issued, Subject
from member_hub.sign_in.refusals import NoSender, NotSent
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
from member_hub.sign_in.sending import By, Kind, Message, Sender


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

    def require(self) -> Sender:
        if self.sender is None:
            raise NoSender
        return self.sender

    async def issue(
        self, phone: str, purpose: CodePurpose, *, address: str, limits: Sequence[Limit] = ADDRESS_LIMITS
    ) -> Posted:
        """Raises NotSent, TooManyCodes; the caller puts it on record before it hands the code over."""
        self.require()
        said = asked(phone)
        subject = Subject.of(self.vault, said.spelled, purpose)
        async with transaction(self.database.app) as tx:
            issued = await codes.issue(tx, self.vault, subject, address=address, limits=limits)
            return Posted(said, issued, await holders(tx, subject))

    async def hand_over(self, posted: Posted, kind: Kind, language: str) -> None:
        """Send the code, if anything can be sent to the number. Raises NotSent, and then the code is void."""
        if not posted.asked.is_reachable:
            return
        values = {"code": posted.issued.code, "minutes": str(CODE_LIVES // timedelta(minutes=1))}
        message = Message(posted.issued.code_id, kind, language, By.SMS, posted.asked.spelled, values)
        try:
            await self.require().send(message)
        except NotSent:
            async with transaction(self.database.app) as tx:
                await codes.void(tx, posted.issued.code_id)
            raise


async def holders(tx: Tx, subject: Subject) -> list[MemberId]:
    """Who is known with the number; asked for in every case, so that the work is the same."""
    return sorted({one.member_id for one in await queries.holdings(tx, subject.phone_token)})


async def redeem_till_code(
    tx: Tx, vault: Vault, phone: str, code: str, *, handler: str | None, now: datetime
) -> MemberId | None:
    """The member of the handler who verified the number within 90 days, for a code that was read back at the till.

    None for all else. Every call with six digits is a try: the caller commits whatever the answer. A code finds once.
    What was verified longer ago is found by card or member code: the number may be somebody else's by now (actions.py).
    """
    if handler is None or len(phone) > PHONE_CHARS_MAX or not is_code(code):
        return None
    said = asked(phone)
    subject = Subject.of(vault, said.spelled, CodePurpose.TILL)
    held = await queries.holdings(tx, subject.phone_token, handler=handler)
    code_id = await codes.attempt(tx, vault, subject, code)
    if code_id is None or not said.is_reachable or not await codes.use(tx, code_id):
        return None
    firmest = max(held, key=lambda one: one.firmness, default=None)
    return firmest.member_id if firmest is not None and is_fresh(firmest.verified_at, now) else None
