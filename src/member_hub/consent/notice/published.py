"""What is known of a notice once it is published."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from member_hub.consent.words import NoticeFamily


@dataclass(frozen=True, slots=True)
class PublishedNotice:
    """A notice without its texts; `purposes` are those that it asks about, in the order of the register."""

    notice_id: UUID
    handler: str
    family: NoticeFamily
    name: str
    is_material: bool
    purposes: tuple[str, ...]
    changed: tuple[str, ...]
    effective_at: datetime
    published_at: datetime
    published_by: str
    is_new: bool = False  # of `publish`: false where it stood already


@dataclass(frozen=True, slots=True)
class Named:
    """A notice as far as a decision under it is judged."""

    name: str
    effective_at: datetime
    handler: str
