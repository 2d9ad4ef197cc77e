"""How much one document may ask for, by one pass that is linear in its length.

Each fragment is weighed once, however often and however deeply it is spread (memoised), and weights are added up as
numbers without expanding anything: sixty nested fragments cost sixty visits.
"""

from collections.abc import Mapping
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

from member_hub.errors import Refused

DOCUMENT_CHARS_MAX = 100_000
TOKENS_MAX = 5_000
DEPTH_MAX = 16  # the usual introspection query has 13
FIELDS_MAX = 1_500  # with fragments counted wherever they are spread
ALIASES_MAX = 60
DIRECTIVES_MAX = 200
OPERATIONS_MAX = 10
QUERY_ROOTS_MAX = 10
MUTATION_ROOTS_MAX = 1  # a mutation is one transaction and one audit entry
WEIGHT_MAX = 1_000_000_000  # where counting stops: numbers of nested fragments grow exponentially, their digits too


class TooComplex(Refused):
    code = "QUERY_TOO_COMPLEX"
    zh = "查询过于复杂。"
    en = "The query asks for too much at once."


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection comes to with its fragments spread out. `depth` counts fields, not braces."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0

    def beside(self, other: "Weight") -> "Weight":
        return Weight(
            max(self.depth, other.depth),
            min(self.fields + other.fields, WEIGHT_MAX),
            min(self.aliases + other.aliases, WEIGHT_MAX),
            min(self.directives + other.directives, WEIGHT_MAX),
            min(self.roots + other.roots, WEIGHT_MAX),
        )


NOTHING = Weight()


class Scale:
    """Weighs the operations of one document; `visits` counts the nodes looked at."""

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._weighed: dict[str, Weight] = {}

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
                    own = self._fragment(node.name.value)
                case _:
                    own = NOTHING
            total = total.beside(own).beside(Weight(directives=len(node.directives or ())))
        return total

    def _field(self, node: FieldNode) -> Weight:
        below = self.weigh(node.selection_set)
        return Weight(
            below.depth + 1,
            min(below.fields + 1, WEIGHT_MAX),
            min(below.aliases + (node.alias is not None), WEIGHT_MAX),
            below.directives,
            1,
        )

    def _fragment(self, name: str) -> Weight:
        """A fragment inside itself weighs nothing here: validation refuses it."""
        if name not in self._weighed:
            self._weighed[name] = NOTHING
            fragment = self._fragments.get(name)
            self._weighed[name] = self.weigh(fragment.selection_set) if fragment else NOTHING
        return self._weighed[name]


def check(document: DocumentNode) -> None:
    """Raises TooComplex where an operation of the document goes beyond a limit, naming the limit."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) > OPERATIONS_MAX:
        raise _refused("operations", OPERATIONS_MAX)
    scale = Scale(document)
    for operation in operations:
        try:
            weight = scale.weigh(operation.selection_set)
        except RecursionError:
            # A chain of fragments as long as the interpreter's stack; raised outside, so that the frames can go.
            weight = None
        if weight is None:
            raise _refused("depth", DEPTH_MAX)
        is_mutation = operation.operation is OperationType.MUTATION
        for what, found, most in (
            ("depth", weight.depth, DEPTH_MAX),
            ("fields", weight.fields, FIELDS_MAX),
            ("aliases", weight.aliases, ALIASES_MAX),
            ("directives", weight.directives, DIRECTIVES_MAX),
            ("root fields", weight.roots, MUTATION_ROOTS_MAX if is_mutation else QUERY_ROOTS_MAX),
        ):
            if found > most:
                raise _refused(what, most)


def _refused(what: str, most: int) -> TooComplex:
    return TooComplex(
        f"The query has too many or too deep {what}: at most {most}.", zh=f"查询超出上限（{what}：{most}）。"
    )
