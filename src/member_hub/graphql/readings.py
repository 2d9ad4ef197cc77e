"""Which guarded fields a document reads: whoever approves a document approves these, by name.

Told from the schema's own @guarded directives and the whole document, also what stands behind @skip and @include. The
state of a field counts as reading it: it tells whether there is a value. So does narrowing or counting by a field, and
naming it to have it revealed, or to have its history; where a variable names it, any may be meant.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    ListValueNode,
    ObjectTypeDefinitionNode,
    ObjectValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    visit,
)

from member_hub.access.words import GUARDS, Guard
from member_hub.graphql.schema import sdl
from member_hub.privacy import ProfileField

# A phone or an e-mail address among the identifiers, or of a consent, is that field as well.
_TELLS_CONTACTS: Final = frozenset({"Identifier.value", "Consent.contact"})
_CONTACTS: Final = frozenset({f"member.{ProfileField.PHONE}", f"member.{ProfileField.EMAIL}"})
# Who says one of these of a guarded field learns something about it: whom it fits, how many, what it was, what it is.
_NAMING: Final = frozenset({"MemberFilter", "MemberDimension", "ProfileField"})


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
        if place == "Member.tags":
            self.found.add(Guard.SERVICE_TAGS)  # where tags are denied, these are what is read
        if place in _TELLS_CONTACTS:
            self.found |= _CONTACTS

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        type_ = get_named_type(self._types.get_input_type())
        if type_ is not None and type_.name in _NAMING:
            self.found |= _named(type_, node.value)


def _named(type_: GraphQLNamedType, value: ValueNode) -> frozenset[str]:
    """The guards of what an argument of this type names; what stands in a variable may be any of it."""
    words = _words(value)
    if words is None:
        assert isinstance(type_, GraphQLEnumType | GraphQLInputObjectType)
        words = frozenset(type_.values if isinstance(type_, GraphQLEnumType) else type_.fields)
    return frozenset(guard for word in words if (guard := f"member.{word.lower()}") in GUARDS)


def _words(value: ValueNode) -> frozenset[str] | None:
    """Enum values, and the names of what a filter states, whatever it states there; None: a variable says it."""
    match value:
        case VariableNode():
            return None
        case EnumValueNode():
            return frozenset({value.value})
        case ObjectValueNode():
            return frozenset(field.name.value for field in value.fields)
        case ListValueNode():
            each = [_words(one) for one in value.values]
            return None if None in each else frozenset().union(*(words for words in each if words))
    return frozenset()


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
