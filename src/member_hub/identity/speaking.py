"""The channel account through which the hub itself states something: a profile typed live, a number proven again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity.statements import AccountStatement, StatedIdentifier, StatedValue, own_kind
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.privacy import DataClass

account_t = table_of(ChannelAccount)


@dataclass(frozen=True, slots=True, repr=False)
class Speaker:
    """An account, its number in clear."""

    channel: Channel
    namespace: str
    account: str
    home_store: str | None
    first_seen_at: datetime
    last_seen_at: datetime

    def says(
        self, identifiers: Sequence[StatedIdentifier], values: Sequence[StatedValue] = (), *, now: datetime
    ) -> AccountStatement:
        """A statement that nobody vouches for: of what is typed, only what is verified may unite accounts."""
        at = max(now, self.last_seen_at)  # the clocks of channels differ; the newest statement counts
        own = StatedIdentifier(own_kind(self.channel), self.namespace, self.account, at)
        return AccountStatement(
            channel=self.channel,
            namespace=self.namespace,
            account=self.account,
            event_time=at,
            first_seen=self.first_seen_at,
            strength=SourceStrength.SELF_DECLARED,
            identifiers=(own, *identifiers),
            values=tuple(values),
            home_store=self.home_store,
            is_vouched=False,
        )


async def open_speakers(tx: Tx, vault: Vault, rows: Sequence[Row[Any]]) -> list[Speaker]:
    """The rows of channel accounts, in their order. Raises CannotOpen where one was tampered with."""
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in rows])
    return [
        Speaker(
            Channel(row.channel),
            row.namespace,
            keys.open(account_t.c.account, row.origin_id, row.account),
            row.home_store,
            row.first_seen_at,
            row.last_seen_at,
        )
        for row in rows
    ]
