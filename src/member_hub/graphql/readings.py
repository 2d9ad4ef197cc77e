"""Which guarded fields a document reads: whoever approves a document approves these, by name.

Told from the schema's own @guarded directives and the whole document, also what stands behind @skip and @include. The
state of a field counts as reading it: it tells whether there is a value.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from graphql import (
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    visit,
)

from member_hub.graphql.schema import sdl
from member_hub.privacy import ProfileField

# A phone or an e-mail address among the identifiers is that field as well.
_CONTACTS: Final = frozenset({f"member.{ProfileField.PHONE}", f"member.{ProfileField.EMAIL}"})
_PROVENANCE: Final = frozenset(f"member.{field}" for field in ProfileField)


def reads(schema: GraphQLSchema, document: DocumentNode) -> frozenset[str]:
    """The guards of every field that a valid document names."""
    types = TypeInfo(schema)
    reader = _Reader(types)
    visit(document, TypeInfoVisitor(types, reader))
    return frozenset(reader.found)


class _Reader(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        place = f"{parent.name if parent else ''}.{node.name.value}"
        if place in guards():
            self.found.add(guards()[place])
        if place == "Identifier.value":
            self.found |= _CONTACTS
        if place == "Member.provenance":
            self.found |= _stated(node)


def _stated(node: FieldNode) -> frozenset[str]:
    """The one field whose values are asked for; by a variable it may be any."""
    value = node.arguments[0].value if node.arguments else None
    if isinstance(value, EnumValueNode):
        return frozenset({f"member.{value.value.lower()}"})
    return _PROVENANCE


@cache
def guards() -> Mapping[str, str]:
    """From `Type.field` to the guard that its @guarded directive names."""
    types = [d for d in parse(sdl()).definitions if isinstance(d, ObjectTypeDefinitionNode)]
    found = {}
    for type_ in types:
        for field in type_.fields or ():
            for directive in field.directives or ():
                value = next((a.value for a in directive.arguments or () if a.name.value == "object"), None)
                if directive.name.value == "guarded" and isinstance(value, StringValueNode):
                    found[f"{type_.name.value}.{field.name.value}"] = value.value
    return found
