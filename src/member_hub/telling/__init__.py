"""Telling members something: messages to the operator's message service, and tasks that stay until they are told.

The front door: `ask` for whoever finds that members have to be told, `Notices` for what tells them by the clock,
`opened_sender` and `Message` for what is sent at once.
"""

from member_hub.telling.actions import ToldTask, ToTell, ask, told_otherwise
from member_hub.telling.kinds import By, Kind
from member_hub.telling.notices import Notices
from member_hub.telling.refusals import NotSent
from member_hub.telling.rules import gets_messages
from member_hub.telling.sending import Console, Message, Sender, Webhook, opened_sender

__all__ = [
    "By",
    "Console",
    "Kind",
    "Message",
    "NotSent",
    "Notices",
    "Sender",
    "ToTell",
    "ToldTask",
    "Webhook",
    "ask",
    "gets_messages",
    "opened_sender",
    "told_otherwise",
]
