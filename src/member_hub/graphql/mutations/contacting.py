"""What goes out to members, codes and notices and messages, and what stays on record of it."""

import strawberry

from member_hub.graphql.phone_code import PhoneCodeSendPayload, phone_code_send
from member_hub.graphql.sending import AuthoriseSendPayload, authorise_send
from member_hub.graphql.serving_notices import NoticePublishPayload, NoticeServedPayload, notice_publish, notice_served


@strawberry.type
class ContactMutations:
    phone_code_send: PhoneCodeSendPayload = strawberry.field(
        resolver=phone_code_send,
        description=(
            "Send a code to a phone, for the member at the till to read back; five minutes, five tries, limits per "
            "number and caller. The answer does not tell whether anybody is known with the number."
        ),
    )
    notice_publish: NoticePublishPayload = strawberry.field(
        resolver=notice_publish,
        description=(
            "Publish a notice for good, in force at once, with the lists of what is collected and shared as declared. "
            "A material change makes every earlier grant for the purposes named stale with it. The same again is the "
            "same notice."
        ),
    )
    notice_served: NoticeServedPayload = strawberry.field(
        resolver=notice_served,
        description=(
            "Put on record that a member was shown the notice in force, and what was asked with it. Nobody is asked "
            "again too soon after a refusal, whichever app asks. The same again within ten minutes is the same serving."
        ),
    )
    authorise_send: AuthoriseSendPayload = strawberry.field(
        resolver=authorise_send,
        description=(
            "Just before something is sent: which of these members may still be contacted for this purpose over this "
            "channel, and at which phone or address. True at this moment; ask again for the next message. Changes "
            "nothing, and is on record."
        ),
    )
