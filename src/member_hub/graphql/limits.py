"""How much one document may ask for, before it is validated: validation itself is quadratic in some things.

Each fragment is weighed once, however often and however deeply it is spread (memoised), and weights are added up as
numbers without expanding anything: sixty nested fragments cost sixty visits. Fragments that nobody spreads are
validated too, so they are weighed like operations. Only what has passed is expanded, to count how often one place of
the answer is asked for: validation compares those fields in pairs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from member_hub.errors import BadInput, Refused

KEYS_MAX = 100  # by which members are sought in one field
DOCUMENT_CHARS_MAX = 100_000
TOKENS_MAX = 5_000
DEPTH_MAX = 16  # the usual introspection query has 13
SELECTIONS_MAX = 500  # fields and fragments, as written; and in one operation with fragments spread out
FRAGMENTS_MAX = 60
REPEATS_MAX = 30  # of one response name at one place
ALIASES_MAX = 60
DIRECTIVES_MAX = 200
OPERATIONS_MAX = 10
QUERY_ROOTS_MAX = 10
MUTATION_ROOTS_MAX = 1  # a mutation is one transaction and one audit entry
WEIGHT_MAX = 1_000_000_000  # where counting stops: numbers of nested fragments grow exponentially, their digits too


class WrongNumberOfKeys(BadInput):
    zh = f"须给出 1 至 {KEYS_MAX} 个标识。"
    en = f"Give 1 to {KEYS_MAX} keys."


class TooComplex(Refused):
    code = "QUERY_TOO_COMPLEX"
    zh = "查询过于复杂。"
    en = "The query asks for too much at once."


class Endless(BadInput):
    zh = "片段不能包含自身。"
    en = "A fragment may not contain itself."


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection comes to with its fragments spread out. `depth` counts fields, not braces."""

    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0

    def beside(self, other: "Weight") -> "Weight":
        return Weight(
            max(self.depth, other.depth),
            min(self.selections + other.selections, WEIGHT_MAX),
            min(self.aliases + other.aliases, WEIGHT_MAX),
            min(self.directives + other.directives, WEIGHT_MAX),
            min(self.roots + other.roots, WEIGHT_MAX),
        )


NOTHING = Weight()


class Scale:
    """Weighs the definitions of one document; `visits` counts the nodes looked at."""

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._weighed: dict[int, Weight | None] = {}  # by identity: a document may use a name twice

    def weigh(self, selections: SelectionSetNode | None) -> Weight:
        total = NOTHING
        for node in selections.selections if selections else ():
            self.visits += 1
            match node:
                case FieldNode():
                    own = self._field(node)
                case InlineFragmentNode():
                    own = self.weigh(node.selection_set)
                case FragmentSpreadNode():
                    fragment = self._fragments.get(node.name.value)
                    own = self.fragment(fragment) if fragment else NOTHING  # validation refuses what is not there
                case _:
                    own = NOTHING
            total = total.beside(own).beside(Weight(selections=1, directives=len(node.directives or ())))
        return total

    def _field(self, node: FieldNode) -> Weight:
        below = self.weigh(node.selection_set)
        return Weight(
            below.depth + 1,
            below.selections,
            min(below.aliases + (node.alias is not None), WEIGHT_MAX),
            below.directives,
            1,
        )

    def fragment(self, fragment: FragmentDefinitionNode) -> Weight:
        """Raises Endless for a fragment inside itself."""
        if id(fragment) not in self._weighed:
            self._weighed[id(fragment)] = None
            self._weighed[id(fragment)] = self.weigh(fragment.selection_set)
        weight = self._weighed[id(fragment)]
        if weight is None:
            raise Endless
        return weight

    def repeats(self, selections: SelectionSetNode) -> int:
        """How often one place of the answer is asked for at most. Expands: only for what is known to be small."""
        return max(Counter(self._places(selections, ())).values(), default=0)

    def _places(self, selections: SelectionSetNode | None, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for node in selections.selections if selections else ():
            match node:
                case FieldNode():
                    place = (*at, (node.alias or node.name).value)
                    yield place
                    yield from self._places(node.selection_set, place)
                case InlineFragmentNode():
                    yield from self._places(node.selection_set, at)
                case FragmentSpreadNode():
                    fragment = self._fragments.get(node.name.value)
                    yield from self._places(fragment.selection_set if fragment else None, at)


def check(document: DocumentNode) -> None:
    """Raises TooComplex where the document goes beyond a limit, naming the limit; Endless for a circle of fragments."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    fragments = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    _at_most("operations", len(operations), OPERATIONS_MAX)
    _at_most("fragments", len(fragments), FRAGMENTS_MAX)
    try:
        _check(Scale(document), operations, fragments)
    except RecursionError:
        is_too_deep = True  # refused below, so that the frames can go
    else:
        is_too_deep = False
    if is_too_deep:
        raise _refused("depth", DEPTH_MAX)


def _check(scale: Scale, operations: list[OperationDefinitionNode], fragments: list[FragmentDefinitionNode]) -> None:
    for definition in (*operations, *fragments):
        if isinstance(definition, FragmentDefinitionNode):
            weight = scale.fragment(definition)
        else:
            weight = scale.weigh(definition.selection_set)
        _at_most("depth", weight.depth, DEPTH_MAX)
        _at_most("aliases", weight.aliases, ALIASES_MAX)
        _at_most("directives", weight.directives, DIRECTIVES_MAX)
        _at_most("selections", max(weight.selections, scale.visits), SELECTIONS_MAX)
        if isinstance(definition, OperationDefinitionNode):
            is_mutation = definition.operation is OperationType.MUTATION
            _at_most("root fields", weight.roots, MUTATION_ROOTS_MAX if is_mutation else QUERY_ROOTS_MAX)
        _at_most("repeats", scale.repeats(definition.selection_set), REPEATS_MAX)


def _at_most(what: str, found: int, most: int) -> None:
    if found > most:
        raise _refused(what, most)


def _refused(what: str, most: int) -> TooComplex:
    return TooComplex(
        f"The query has too many or too deep {what}: at most {most}.", zh=f"查询超出上限（{what}：{most}）。"
    )
