"""Tags as the schema shows them: on a member, as definitions, and the figures that rules may speak of."""

from datetime import datetime

import orjson
import strawberry

from member_hub.graphql.problems import UserError
from member_hub.members.taggings import TagKind
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.definitions import Definition
from member_hub.tags.figures import Figure, FigureKind, FigureSource
from member_hub.tags.queries import Shown


@strawberry.type(description="A tag on a member.")
class Tagging:
    code: str = strawberry.field(description="Which tag.")
    group: str = strawberry.field(description="Under which it is shown.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")
    kind: TagKind = strawberry.field(description="How it came to the member.")
    value: str | None = strawberry.field(description="COMPUTED: the score, stage or risk.")
    since: datetime = strawberry.field(description="Since when it holds, with this value.")
    until: datetime | None = strawberry.field(description="When it ends by itself; null: it has no term.")
    is_service: bool = strawberry.field(description="Whether whoever serves the member at a till sees it.")
    is_restrictive: bool = strawberry.field(
        description="Whether it protects, so that neither merging nor an objection ends it."
    )


@strawberry.type(description="The definition of a tag: one version, in force once a second person approved it.")
class Tag:
    code: str = strawberry.field(description="Its code.")
    version: int = strawberry.field(description="Counts the definitions of the code.")
    kind: TagKind = strawberry.field(description="How it comes to members.")
    group: str = strawberry.field(description="Under which it is shown.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")
    owner: str = strawberry.field(description="Who answers for it.")
    data_class: DataClass = strawberry.field(description="What kind of data it tells.")
    purpose: Purpose = strawberry.field(description="What it is for.")
    is_service: bool = strawberry.field(description="Whether whoever serves the member at a till sees it.")
    is_restrictive: bool = strawberry.field(
        description=(
            "Whether it protects: neither merging nor an objection ends it. Of the built-in ones do_not_contact stops "
            "messages that are not for the service, support or rights (`authoriseSend`); minor and fraud tell whoever "
            "may see them, and stop nothing by themselves."
        )
    )
    is_profiling: bool = strawberry.field(
        description="Whether it evaluates the person: not for who objects to profiling, is under 14 or of unknown age."
    )
    is_retired: bool = strawberry.field(description="Whether this version ends the tag.")
    is_built_in: bool = strawberry.field(description="Whether it comes with the hub; nobody defines it.")
    rule: str | None = strawberry.field(description="RULE: the condition, as JSON.")
    expires_days: int | None = strawberry.field(description="How long it holds once given; null: no term.")
    proposed_by: str = strawberry.field(description="Staff number of the one who proposed it.")
    proposed_at: datetime | None = strawberry.field(description="When; null: built in.")
    approved_by: str | None = strawberry.field(description="Staff number of the second person; null: not in force.")
    approved_at: datetime | None = strawberry.field(description="Since when it is in force.")


@strawberry.type(description="A figure that the rule of a tag may speak of.")
class TagFigure:
    name: str = strawberry.field(description="As a rule names it.")
    kind: FigureKind = strawberry.field(description="What its value is; decides how it is compared.")
    unit: str = strawberry.field(description="What it counts.")
    name_zh: str = strawberry.field(description="What it says, in Chinese.")
    name_en: str = strawberry.field(description="What it says, in English.")
    source: FigureSource = strawberry.field(description="What it is made from.")
    data_class: DataClass = strawberry.field(description="What kind of data that is.")
    purposes: list[Purpose] = strawberry.field(description="For which purposes a tag may use it.")
    values: list[str] = strawberry.field(description="The only values that it has; empty: any.")


@strawberry.type(description="What became of a definition.")
class TagPayload:
    tag: Tag | None = strawberry.field(description="The version; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


def tagging_of(shown: Shown) -> Tagging:
    one = shown.definition
    return Tagging(
        code=one.code,
        group=one.group,
        name_zh=one.zh,
        name_en=one.en,
        kind=shown.how,
        value=shown.value,
        since=shown.since,
        until=shown.until,
        is_service=one.is_service,
        is_restrictive=one.is_restrictive,
    )


def tag_of(one: Definition) -> Tag:
    return Tag(
        code=one.code,
        version=one.version,
        kind=one.kind,
        group=one.group,
        name_zh=one.zh,
        name_en=one.en,
        owner=one.owner,
        data_class=one.data_class,
        purpose=one.purpose,
        is_service=one.is_service,
        is_restrictive=one.is_restrictive,
        is_profiling=one.is_profiling,
        is_retired=one.is_retired,
        is_built_in=one.is_builtin,
        rule=orjson.dumps(one.rule).decode() if one.rule is not None else None,
        expires_days=one.expires_days,
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        approved_by=one.approved_by,
        approved_at=one.approved_at,
    )


def figure_of(figure: Figure) -> TagFigure:
    return TagFigure(
        name=figure.name,
        kind=figure.kind,
        unit=figure.unit,
        name_zh=figure.zh,
        name_en=figure.en,
        source=figure.source,
        data_class=figure.data_class,
        purposes=sorted(figure.purposes),
        values=list(figure.values),
    )
