"""The schema, made once per process, and its text (SDL)."""

from functools import cache

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from member_hub import resources
from member_hub.graphql import enums  # noqa: F401 - describes the domains' enumerations before types use them
from member_hub.graphql.member import Member
from member_hub.graphql.mutations import Mutation
from member_hub.graphql.query import Query
from member_hub.graphql.scalars import SCALARS

SDL_FILE = "member_hub.graphql"


@cache
def schema() -> strawberry.Schema:
    config = StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True)
    return strawberry.Schema(query=Query, mutation=Mutation, types=[Member], config=config)


def core_schema() -> GraphQLSchema:
    """The schema as graphql-core has it; Strawberry offers no public way to it."""
    return schema()._schema  # noqa: SLF001


def sdl() -> str:
    """The schema as text."""
    return schema().as_str().rstrip() + "\n"


def is_current() -> bool:
    """Whether the committed text (schema/member_hub.graphql) is this schema."""
    return (resources.folder("schema") / SDL_FILE).read_text("utf-8") == sdl()
