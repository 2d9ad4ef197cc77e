"""Telling members something: messages to the operator's message service, and tasks that stay until they are told.

The front door: `opened_sender` and `Message` for what is sent at once, `Notices` for the tasks.
"""

from member_hub.telling.notices import Notices
from member_hub.telling.refusals import NotSent
from member_hub.telling.sending import By, Console, Kind, Message, Sender, Webhook, opened_sender

__all__ = ["By", "Console", "Kind", "Message", "NotSent", "Notices", "Sender", "Webhook", "opened_sender"]
