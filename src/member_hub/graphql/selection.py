"""What a request asks for, read from its document before anything is loaded: aliases, fragments and arguments resolved.

The plan is what checks, loading and audit go by, so all three see the same request.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
    get_named_type,
)
from graphql.execution.values import VariableValues

from member_hub.access import Guard, Operation
from member_hub.access.words import GUARDS
from member_hub.graphql.documents import Document
from member_hub.graphql.limits import KEYS_MAX
from member_hub.graphql.member import OrdersAsked
from member_hub.graphql.points_types import EntriesAsked
from member_hub.privacy import ProfileField

MEMBER: Final = "Member"
CONTACT: Final = "contact"  # of a consent
CHAIN: Final = "chainIntact"  # of a history of consent
# Where, below a root field, the members are.
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "memberList": ("edges", "node"),
    "memberEnrol": ("member",),
    "profileUpdate": ("member",),
    "benefitIssue": ("member",),
    "benefitUse": ("member",),
    "benefitVoid": ("member",),
    "orderRecord": ("member",),
    "activityRecord": ("member",),
    "consentGive": ("member",),
    "consentRefuse": ("member",),
    "consentWithdraw": ("member",),
    "pointsEarn": ("member",),
    "pointsRedeem": ("member",),
    "pointsHold": ("member",),
    "pointsCapture": ("member",),
    "pointsRelease": ("member",),
    "pointsReverse": ("member",),
    "pointsAdjust": ("member",),
    "pointsTransfer": ("member",),
    "pointsReinstate": ("member",),
    "pointsExtend": ("member",),
    "tierPlace": ("member",),
    "tagAssign": ("member",),
    "tagRemove": ("member",),
}
_RECORDING: Final = frozenset({"orderRecord", "activityRecord"})  # may name a member by an account
_NO_MEMBERS: Final = frozenset(
    {
        "memberStatistics",
        "pointsLiability",
        "tierPyramid",
        "noticeCurrent",
        "noticePublish",
        "noticeServed",
        "authoriseSend",
        "objections",
        "guardianLinks",
        "minorApprovals",
        "actApprove",
        "actApprovals",
        "tierRules",
        "tierRulesPropose",
        "tierRulesApprove",
        "tags",
        "tagFigures",
        "tagDefine",
        "tagApprove",
    }
)
# Where consents are told of one member, without the member.
_CONSENTS: Final = frozenset({"consents", "consentHistory", "consentReceipt"})
_TEXT: Final = frozenset({"value", "display"})
# What member.loyalty guards of a Member, by its names in the schema.
TIER_DETAILS: Final = frozenset({"growth", "next", "explanation"})
LOYALTY: Final = frozenset({"tier", "points", "benefits"})
_PAGED: Final = ("entries", "at")  # of points: what takes arguments


@dataclass(frozen=True, slots=True)
class PointsWanted:
    """What is asked about the points of each member."""

    balance: bool = False
    lots: bool = False
    entries: frozenset[EntriesAsked] = frozenset()
    moments: frozenset[datetime] = frozenset()

    def at_till(self) -> "PointsWanted":
        return PointsWanted(balance=self.balance)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about each member. Opened is what somebody asked to see; of the rest the state is enough."""

    fields: frozenset[ProfileField] = frozenset()
    opened: frozenset[ProfileField] = frozenset()
    accounts: bool = False
    accounts_opened: bool = False
    identifiers: bool = False
    identifiers_opened: bool = False
    provenance: frozenset[ProfileField] = frozenset()
    orders: frozenset[OrdersAsked] = frozenset()
    consents: bool = False
    consents_opened: bool = False
    loyalty: frozenset[str] = frozenset()  # which of LOYALTY
    points: PointsWanted = PointsWanted()
    members: bool = True  # of a mutation: whether the member is asked for at all
    tier_details: frozenset[str] = frozenset()  # which of TIER_DETAILS, or of what is guarded within them
    tags: bool = False
    chain: bool = False  # of a history of consent: whether it is whole

    def at_till(self) -> "Wanted":
        """The same without what tells a history: accounts, identifiers, provenance, orders, consents, tags."""
        return Wanted(fields=self.fields, opened=self.opened, loyalty=self.loyalty, points=self.points.at_till())

    @property
    def guards(self) -> frozenset[str]:
        """Every guarded field that is asked for."""
        lists = {
            Guard.ACCOUNTS: self.accounts,
            Guard.IDENTIFIERS: self.identifiers,
            Guard.CONSENTS: self.consents,
            Guard.LOYALTY: bool(self.loyalty),
            Guard.ORDERS: bool(self.orders) or "orders" in self.tier_details,
            Guard.ACTIVITY: "activity" in self.tier_details,
            Guard.TAGS: self.tags,
            Guard.SERVICE_TAGS: self.tags,
        }
        fields = {f"member.{field}" for field in self.fields | self.provenance}
        return frozenset(fields | {guard.value for guard, is_asked in lists.items() if is_asked})


@dataclass(frozen=True, slots=True)
class Root:
    """One root field of the operation. `key` is its name in the answer."""

    key: str
    name: str
    arguments: Mapping[str, Any]
    wanted: Wanted

    @property
    def keys(self) -> tuple[str, ...]:
        """The kinds of keys by which members are sought, one per key; never their values."""
        by = self.arguments.get("by", ())
        each = by if isinstance(by, list) else [by]
        stated = self.arguments.get("input") if self.name in _RECORDING else None
        account = ("account",) if isinstance(stated, dict) and stated.get("account") else ()
        return (*account, *(kind for key in each if isinstance(key, dict) for kind in key))

    @property
    def is_oversized(self) -> bool:
        """Members are sought by none, or by more keys than one request may have: nobody is."""
        return self.name == Operation.MEMBERS and not 1 <= len(self.arguments.get("by", ())) <= KEYS_MAX

    @property
    def filtered(self) -> frozenset[str]:
        """The guarded fields by which a list is narrowed."""
        by = self.arguments.get("filter") or {}
        return frozenset(guard for field in by if (guard := f"member.{field}") in GUARDS)


@dataclass(frozen=True, slots=True)
class Plan:
    is_mutation: bool
    roots: Mapping[str, Root] = field(default_factory=dict)

    @property
    def lookups(self) -> int:
        """By how many keys members are sought; enrolling tells whether an account is known, so it counts as one."""
        if any(root.is_oversized for root in self.roots.values()):
            return 0  # nothing of it is executed
        return sum(len(root.keys) + (root.name == Operation.MEMBER_ENROL) for root in self.roots.values())


def plan(
    schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode, variables: VariableValues
) -> Plan:
    """The plan of an operation. Raises GraphQLError for an argument that does not fit its type."""
    walk = _Walk(schema, document.fragments, variables)
    parent = schema.get_root_type(operation.operation)
    assert parent is not None
    roots = {}
    for key, nodes in walk.fields(parent, [operation.selection_set]).items():
        name = nodes[0].name.value
        if not name.startswith("__"):
            arguments = walk.arguments(parent.fields[name], nodes[0])
            roots[key] = Root(key, name, arguments, _wanted(walk, parent, name, nodes))
    return Plan(parent is schema.mutation_type, roots)


def certain_roots(document: Document, operation: OperationDefinitionNode) -> frozenset[str]:
    """The root fields that are executed whatever the variables say: no directive stands before them."""
    found, spread, waiting = set[str](), set[str](), [operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if node.directives:
                continue
            match node:
                case FieldNode() if not node.name.value.startswith("__"):
                    found.add(node.name.value)
                case InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in spread:
                    spread.add(node.name.value)
                    waiting.append(document.fragments[node.name.value].selection_set)
    return frozenset(found)


class _Walk:
    """Collects selections as executing does."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: VariableValues
    ) -> None:
        self.schema = schema
        self._fragments = fragments
        self._variables = variables

    def fields(self, parent: GraphQLObjectType, sets: Iterable[SelectionSetNode | None]) -> dict[str, list[FieldNode]]:
        """By response key."""
        found: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for selections in sets:
            self._collect(parent, selections, found, spread)
        return found

    def below(self, parent: GraphQLObjectType, nodes: Sequence[FieldNode]) -> list[FieldNode]:
        """Every field selected below any of the nodes."""
        found = self.fields(parent, [node.selection_set for node in nodes])
        return [node for group in found.values() for node in group]

    def arguments(self, of: GraphQLField, node: FieldNode) -> Mapping[str, Any]:
        return get_argument_values(of, node, self._variables, hide_suggestions=True)

    def _collect(
        self,
        parent: GraphQLObjectType,
        selections: SelectionSetNode | None,
        found: dict[str, list[FieldNode]],
        spread: set[str],
    ) -> None:
        for node in selections.selections if selections else ():
            if not self._is_included(node):
                continue
            match node:
                case FieldNode():
                    found.setdefault((node.alias or node.name).value, []).append(node)
                case InlineFragmentNode():
                    if node.type_condition is None or self._fits(parent, node.type_condition.name.value):
                        self._collect(parent, node.selection_set, found, spread)
                case FragmentSpreadNode() if node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments[node.name.value]
                    if self._fits(parent, fragment.type_condition.name.value):
                        self._collect(parent, fragment.selection_set, found, spread)

    def _is_included(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _fits(self, parent: GraphQLObjectType, condition: str) -> bool:
        return condition == parent.name or condition in {interface.name for interface in parent.interfaces}


def _wanted(walk: _Walk, parent: GraphQLObjectType, name: str, nodes: Sequence[FieldNode]) -> Wanted:
    """Follow the path to the members, over every alias on the way."""
    if name in _NO_MEMBERS:
        return Wanted()
    if name in _CONSENTS:
        asked = {node.name.value for node in walk.below(_object(parent.fields[name]), nodes)}
        is_opened = _shows_within(walk, parent.fields[name], nodes, CONTACT)
        return Wanted(consents=True, consents_opened=is_opened, chain=CHAIN in asked)
    type_, reached = _object(parent.fields[name]), list(nodes)
    for step in _PATHS.get(name, ()):
        reached = [node for node in walk.below(type_, reached) if node.name.value == step]
        type_ = _object(type_.fields[step])
    member = walk.schema.get_type(MEMBER)
    assert isinstance(member, GraphQLObjectType)
    return replace(_of_member(walk, member, walk.below(member, reached)), members=bool(reached))


def _of_member(walk: _Walk, member: GraphQLObjectType, asked: Sequence[FieldNode]) -> Wanted:
    """Nodes are told apart by their own names: under two aliases of a list, one key may mean two fields."""
    by_name: dict[str, list[FieldNode]] = {}
    for node in asked:
        by_name.setdefault(node.name.value, []).append(node)
    fields = frozenset(f for f in ProfileField if f.value in by_name)
    orders = [walk.arguments(member.fields["orders"], node) for node in by_name.get("orders", [])]
    provenance = [walk.arguments(member.fields["provenance"], node) for node in by_name.get("provenance", [])]
    return Wanted(
        fields=fields,
        opened=frozenset(f for f in fields if _shows(walk, member.fields[f.value], by_name[f.value])),
        accounts="accounts" in by_name,
        accounts_opened=_shows_within(walk, member.fields["accounts"], by_name.get("accounts", []), "account"),
        identifiers="identifiers" in by_name,
        identifiers_opened=_shows_within(walk, member.fields["identifiers"], by_name.get("identifiers", []), "value"),
        provenance=frozenset(ProfileField(stated["field"]) for stated in provenance),
        orders=frozenset((stated.get("first"), stated.get("after")) for stated in orders),
        consents="consents" in by_name,
        tags="tags" in by_name,
        consents_opened=_shows_within(walk, member.fields["consents"], by_name.get("consents", []), CONTACT),
        loyalty=LOYALTY & by_name.keys(),
        points=_points(walk, member, by_name.get("points", [])),
        tier_details=_tier_details(walk, member, by_name.get("tier", [])),
    )


def _points(walk: _Walk, member: GraphQLObjectType, nodes: Sequence[FieldNode]) -> PointsWanted:
    account = _object(member.fields["points"])
    asked = walk.below(account, nodes)
    of = {name: [walk.arguments(account.fields[name], n) for n in asked if n.name.value == name] for name in _PAGED}
    names = {node.name.value for node in asked}
    return PointsWanted(
        balance=bool(names - {*_PAGED, "lots", "history", "__typename"}),
        lots="lots" in names,
        entries=frozenset((stated.get("first"), stated.get("after")) for stated in of["entries"]),
        moments=frozenset(stated["moment"] for stated in of["at"]),
    )


def _tier_details(walk: _Walk, member: GraphQLObjectType, nodes: Sequence[FieldNode]) -> frozenset[str]:
    """What is asked of a tier that has to be counted for, and which guarded fields of its explanation."""
    tier = _object(member.fields["tier"])
    asked = walk.below(tier, nodes)
    explanations = [node for node in asked if node.name.value == "explanation"]
    within = walk.below(_object(tier.fields["explanation"]), explanations)
    guarded = {node.name.value for node in within} & {"orders", "activity"}
    notices = walk.below(_object(tier.fields["notice"]), [node for node in asked if node.name.value == "notice"])
    told = {"notice"} if any(node.name.value == "criteria" for node in notices) else set()
    return frozenset(({node.name.value for node in asked} & TIER_DETAILS) | guarded | told)


def _shows(walk: _Walk, of: GraphQLField, nodes: Sequence[FieldNode]) -> bool:
    """Whether the text of a GuardedText is asked for, and not only its state."""
    return any(node.name.value in _TEXT for node in walk.below(_object(of), nodes))


def _shows_within(walk: _Walk, of: GraphQLField, nodes: Sequence[FieldNode], name: str) -> bool:
    """The same for the guarded text `name` of the items of a list."""
    inner = [node for node in walk.below(_object(of), nodes) if node.name.value == name]
    return bool(inner) and _shows(walk, _object(of).fields[name], inner)


def _object(of: GraphQLField) -> GraphQLObjectType:
    """The object type behind a field; behind Node stands a Member."""
    named = get_named_type(of.type)
    assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
    return cast("GraphQLObjectType", named)
