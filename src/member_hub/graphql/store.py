"""A store of the organisation register, as the API shows it."""

import strawberry

from member_hub.organisation import Organisation


@strawberry.type(description="A store of the brand.")
class Store:
    code: str = strawberry.field(description="The store's code, e.g. SH001.")
    region: str | None = strawberry.field(description="The region that it belongs to.")
    name_zh: str | None = strawberry.field(description="Its name in Chinese.")
    name_en: str | None = strawberry.field(description="Its name in English.")


def store_of(code: str | None, organisation: Organisation) -> Store | None:
    """A store that the register has lost shows its code alone."""
    if code is None:
        return None
    known = organisation.stores.get(code)
    if known is None:
        return Store(code=code, region=None, name_zh=None, name_en=None)
    return Store(code=code, region=known.region, name_zh=known.zh, name_en=known.en)
