"""What a request costs, told before anything is loaded: fields weigh, lists multiply, opened values weigh more.

Prices come from the schema and the arguments as they were sent, variables included, and count what is written, also
behind @skip and @include: a price depends on nothing that is stored. Each fragment is priced once, however often it is
spread (memoised), so pricing is linear in the document. What a connection's edges cost is kept apart from the rest,
because the size of the page is known one field further up; the page is read, and paid for, also where nobody asks for
its edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.values import VariableValues

from member_hub.graphql.documents import Document
from member_hub.graphql.limits import WEIGHT_MAX, TooComplex
from member_hub.graphql.paging import ORDERS_PAGE, PAGE_MAX

COST_MAX = 50_000  # of one request; a page of 100 members with all their fields costs about 2,000
LIST_ASSUMED = 10  # of items, where neither an argument nor LISTS says how many
LISTS: Final[Mapping[str, int]] = {
    "Member.accounts": 3,
    "Member.identifiers": 6,
    "Member.provenance": 4,
    "Notice.purposes": 2,
    "Notice.collected": 25,
    "Notice.shared": 5,
    "Member.consents": 6,
    "Member.benefits": 8,
    "Query.consents": 6,
    "NextTier.criteria": 4,
    "TierNotice.criteria": 4,
    "TierExplanation.criteria": 8,
    "TierOrders.lines": 50,
    "TierActivity.counts": 5,
    "TierBacktest.moves": 6,
    "TierBacktest.pyramid": 4,
    "Member.tags": 10,
    "Query.tags": 50,
    "Query.tagFigures": 40,
    "Query.guardianLinks": 4,
    "PointsLiability.months": 24,
    "TierPyramid.tiers": 4,
    "PointsAccount.lots": 10,
    "PointsReceipt.entries": 3,
}
WEIGHTS: Final[Mapping[str, int]] = {
    "Query.member": 5,  # a look-up by key: tokens, an index, an entry in the audit log
    "Query.members": 5,
    "Query.memberStatistics": 1_000,  # counts every member of the handler, the first time in a week
    "Query.pointsLiability": 1_000,  # sums up every lot of the handler, the first time in a week
    "Query.tierPyramid": 1_000,
    "Query.auditEntries": 50,  # searches months of entries
    "Query.accessHistory": 50,
    "Query.noticeCurrent": 5,
    "Query.tags": 5,
    "Query.consents": 5,
    "Query.guardianLinks": 5,
    "Query.minorApprovals": 5,
    "Query.actApprovals": 5,
    "Query.tierRules": 5,
    "Mutation.tierRulesPropose": 1_000,  # looks at every member of the handler
    "TierStanding.growth": 5,  # counted over a year of lines
    "TierStanding.next": 5,
    "TierStanding.explanation": 10,
    "Query.consentHistory": 5,
    "ConsentEventConnection.chainIntact": 50,  # verifies the whole history
    "Query.consentReceipt": 20,  # signs
    "Member.points": 5,
    "PointsAccount.at": 20,  # adds up a ledger
    "GuardedText.value": 2,  # is opened
    "GuardedText.display": 2,
}
# What each item of an input list weighs, beside the field itself: it is looked at, whatever of it is asked for.
ITEM_WEIGHTS: Final[Mapping[str, int]] = {"Mutation.authoriseSend": 5, "Mutation.orderRecord": 1}
CONNECTION: Final = "Connection"
MUTATION_WEIGHT = 50  # locks, a transaction, matching

Parent = GraphQLObjectType | GraphQLInterfaceType


class TooExpensive(TooComplex):
    def __init__(self, cost: int) -> None:
        super().__init__(f"The request costs {cost}: at most {COST_MAX}.", zh=f"请求成本 {cost} 超出上限 {COST_MAX}。")


@dataclass(frozen=True, slots=True)
class Cost:
    """`per_edge` is what one edge costs, where the selection stands in a connection."""

    own: int = 0
    per_edge: int = 0

    def beside(self, other: "Cost") -> "Cost":
        return Cost(min(self.own + other.own, WEIGHT_MAX), min(self.per_edge + other.per_edge, WEIGHT_MAX))


NOTHING: Final = Cost()


class Meter:
    """Prices one operation of a valid document; `visits` counts the nodes looked at."""

    def __init__(self, schema: GraphQLSchema, document: Document, variables: VariableValues) -> None:
        self.visits = 0
        self._schema = schema
        self._fragments = document.fragments
        self._variables = variables
        self._priced: dict[str, Cost] = {}

    def price(self, operation: OperationDefinitionNode) -> int:
        """Raises GraphQLError for an argument that does not fit its type."""
        parent = self._schema.get_root_type(operation.operation)
        assert parent is not None
        return 1 + self._set(parent, operation.selection_set).own

    def _set(self, parent: Parent, selections: SelectionSetNode | None) -> Cost:
        total = NOTHING
        for node in selections.selections if selections else ():
            self.visits += 1
            total = total.beside(self._selection(parent, node))
        return total

    def _selection(self, parent: Parent, node: SelectionNode) -> Cost:
        match node:
            case FieldNode():
                return self._field(parent, node)
            case InlineFragmentNode():
                condition = node.type_condition
                return self._set(self._type(condition.name.value) if condition else parent, node.selection_set)
            case FragmentSpreadNode():
                return self._fragment(node.name.value)
        return NOTHING

    def _fragment(self, name: str) -> Cost:
        if name not in self._priced:
            fragment = self._fragments[name]
            self._priced[name] = self._set(self._type(fragment.type_condition.name.value), fragment.selection_set)
        return self._priced[name]

    def _field(self, parent: Parent, node: FieldNode) -> Cost:
        name = node.name.value
        if name.startswith("__"):
            return Cost(1)  # the schema is in memory, and introspection has a depth limit of its own
        field = parent.fields[name]
        weight = self._weight(parent, name, field)
        type_ = get_named_type(field.type)
        if is_leaf_type(type_):
            return Cost(weight)
        below = self._set(cast("Parent", type_), node.selection_set)
        arguments = get_argument_values(field, node, self._variables, hide_suggestions=True)
        weight += ITEM_WEIGHTS.get(f"{parent.name}.{name}", 0) * _items(arguments)
        per_edge = max(below.per_edge, 1) if type_.name.endswith(CONNECTION) else 0
        one = weight + below.own + _page(arguments) * per_edge
        if name == "edges":
            return Cost(0, min(one, WEIGHT_MAX))
        return Cost(min(_length(parent, name, field, arguments) * one, WEIGHT_MAX))

    def _weight(self, parent: Parent, name: str, field: GraphQLField) -> int:
        if parent is self._schema.mutation_type:
            return MUTATION_WEIGHT
        return WEIGHTS.get(f"{parent.name}.{name}", 0 if is_leaf_type(get_named_type(field.type)) else 1)

    def _type(self, name: str) -> Parent:
        return cast("Parent", self._schema.type_map[name])


def _items(arguments: Mapping[str, Any]) -> int:
    items = (arguments.get("input") or {}).get("items", ())
    return len(items) if isinstance(items, list) else 1


def _page(arguments: Mapping[str, Any]) -> int:
    """How many edges are asked for; more than a page holds is refused later, by its own name."""
    sizes = [arguments[name] for name in ("first", "last") if isinstance(arguments.get(name), int)]
    return min(max(max(sizes, default=ORDERS_PAGE), 1), PAGE_MAX)


def _length(parent: Parent, name: str, field: GraphQLField, arguments: Mapping[str, Any]) -> int:
    if not is_list_type(get_nullable_type(field.type)):
        return 1
    by = arguments.get("by")
    return len(by) if isinstance(by, list) else LISTS.get(f"{parent.name}.{name}", LIST_ASSUMED)
