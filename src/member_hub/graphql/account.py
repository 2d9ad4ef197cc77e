"""A channel account of a member."""

from datetime import datetime

import strawberry

from member_hub.graphql.guarded import GuardedText, guarded
from member_hub.members.reading import account_t
from member_hub.members.tables import Channel


@strawberry.type(description="One source record: a website account, an app account or a store card.")
class ChannelAccount:
    channel: Channel = strawberry.field(description="Where the account is.")
    account: GuardedText = strawberry.field(
        description="Website account, app user id or store card number.", directives=[guarded(account_t.c.account)]
    )
    namespace: str = strawberry.field(description="The site, the appid or the brand within which the number is unique.")
    first_seen_at: datetime = strawberry.field(description="When the account was first heard of, by its own times.")
    last_seen_at: datetime = strawberry.field(description="When the account was last heard of.")
