"""Documents read, limited and validated once, and kept for the next request that sends the same text."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    Token,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import MaxIntrospectionDepthRule, ValuesOfCorrectTypeRule

from member_hub.errors import BadInput, Refused
from member_hub.graphql import limits
from member_hub.graphql.impersonal import is_impersonal
from member_hub.graphql.limits import DOCUMENT_CHARS_MAX, TOKENS_MAX, TooComplex
from member_hub.graphql.problems import Language, from_document, from_refusal, text_of
from member_hub.graphql.rule_texts import NOT_VALID, RULE_TEXTS
from member_hub.graphql.scalars import NoTimeZone
from member_hub.texts import has_control

KEPT_CHARS_MAX = 500_000  # of all documents that are kept; in memory they take up to a hundred times as much
DOCUMENT_KEPT_CHARS_MAX = 20_000  # longer ones are read each time
ERRORS_MAX = 20

# Values that do not fit are quoted in the texts of this rule; it is asked apart, and its texts are not passed on.
_NAMING_RULES = tuple(rule for rule in specified_rules if rule is not ValuesOfCorrectTypeRule)


class BadDocument(Exception):
    """The document cannot be executed, for these reasons; `is_read`: it is GraphQL, and what it says is wrong."""

    def __init__(
        self, errors: list[dict[str, Any]], *, is_read: bool = True, cost: Mapping[str, int] | None = None
    ) -> None:
        self.errors = errors
        self.cost = cost
        self.is_read = is_read
        self.node: DocumentNode | None = None  # where it is GraphQL
        super().__init__(f"{len(errors)} errors")


def mutations_in(node: DocumentNode, schema: GraphQLSchema, operation_name: str | None) -> frozenset[str] | None:
    """The mutations of a document that need not be valid, those of the operation that is named if it is there.

    None where it has no mutation. Only names that the schema has, for others may say anything: with none of them, an
    empty set.
    """
    operations = [d for d in node.definitions if isinstance(d, OperationDefinitionNode)]
    named = [one for one in operations if one.name is not None and one.name.value == operation_name]
    asked = [one for one in named or operations if one.operation is OperationType.MUTATION]
    if not asked or schema.mutation_type is None:
        return None
    fields = (field for one in asked for field in one.selection_set.selections if isinstance(field, FieldNode))
    return frozenset(field.name.value for field in fields if field.name.value in schema.mutation_type.fields)


class NotByGet(BadDocument):
    """It asks about somebody, or changes something."""


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document."""

    node: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The one to execute: by name, or the only one."""
        if name is not None:
            return self.operations.get(name)
        return next(iter(self.operations.values())) if len(self.operations) == 1 else None


class Documents:
    """Reads documents against one schema; holds those used last, up to KEPT_CHARS_MAX."""

    def __init__(self, schema: GraphQLSchema, *, introspects: bool, quotes: bool = True) -> None:
        """`quotes`: errors name what the document names; else each has the text of its rule, and where it is."""
        self._schema = schema
        self._quotes = quotes
        extra = MaxIntrospectionDepthRule if introspects else NoSchemaIntrospectionCustomRule
        self._rules = (*_NAMING_RULES, extra)
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._kept_chars = 0

    def read(self, text: str, language: Language, *, is_by_get: bool = False) -> Document:
        """Raises BadDocument: not GraphQL, too complex, or not valid here; NotByGet for what may not come so."""
        known = self._kept.get(text)
        if known is not None:
            self._kept.move_to_end(text)
            with _noting(known.node):
                _check_method(known.node, language, is_by_get=is_by_get)
            return known
        document = self.validated(text, language, is_by_get=is_by_get)
        if len(text) <= DOCUMENT_KEPT_CHARS_MAX:
            self._keep(text, document)
        return document

    def knows(self, text: str) -> bool:
        return text in self._kept

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._kept_chars += len(text)
        while self._kept_chars > KEPT_CHARS_MAX:
            forgotten, _ = self._kept.popitem(last=False)
            self._kept_chars -= len(forgotten)

    def validated(self, text: str, language: Language, *, is_by_get: bool = False) -> Document:
        """The document, read anew and not kept. Raises BadDocument."""
        node = _parsed(text, language)
        with _noting(node):
            _check_limits(node, language)
            _check_method(node, language, is_by_get=is_by_get)
            self._validate(node, language)
        operations = [d for d in node.definitions if isinstance(d, OperationDefinitionNode)]
        fragments = [d for d in node.definitions if isinstance(d, FragmentDefinitionNode)]
        return Document(
            node,
            {o.name.value if o.name else "": o for o in operations},
            {f.name.value: f for f in fragments},
        )

    def _validate(self, node: DocumentNode, language: Language) -> None:
        found = validate(self._schema, node, self._rules, max_errors=ERRORS_MAX, hide_suggestions=True)
        if found and not self._quotes:
            raise BadDocument(self._unquoted(node))
        if found:
            raise BadDocument([from_document(error.message, error) for error in found])
        wrong = validate(self._schema, node, [ValuesOfCorrectTypeRule], max_errors=ERRORS_MAX, hide_suggestions=True)
        if wrong:
            raise BadDocument([from_document(text_of(_wrong_value(error), language), error) for error in wrong])

    def _unquoted(self, node: DocumentNode) -> list[dict[str, Any]]:
        """Rule by rule, for an error does not say which rule it is of; done for what is refused only."""
        found = [
            from_document(RULE_TEXTS.get(rule.__name__, NOT_VALID), error)
            for rule in self._rules
            for error in validate(self._schema, node, [rule], max_errors=ERRORS_MAX, hide_suggestions=True)
        ]
        return found[:ERRORS_MAX]


@contextmanager
def _noting(node: DocumentNode) -> Iterator[None]:
    """What is refused here says of what."""
    try:
        yield
    except BadDocument as bad:
        bad.node = node
        raise


def _check_limits(node: DocumentNode, language: Language) -> None:
    try:
        limits.check(node)
    except Refused as refused:
        raise _bad(refused, language) from None


def _parsed(text: str, language: Language) -> DocumentNode:
    if len(text) > DOCUMENT_CHARS_MAX:
        raise _bad(TooComplex(), language)
    try:
        node = parse(text, max_tokens=TOKENS_MAX)
    except GraphQLSyntaxError as error:
        # The parser's own text quotes the document.
        if "Parsing aborted" in error.message:
            raise _bad(TooComplex(), language) from None
        raise BadDocument([from_document("This is not GraphQL.", error)], is_read=False) from None
    except GraphQLError:
        raise _bad(TooComplex(), language) from None
    if any(has_control(token.value or "") for token in _tokens(node)):
        raise _bad(ControlCharacters(), language)
    return node


def _tokens(node: DocumentNode) -> Iterator[Token]:
    token = node.loc.start_token if node.loc is not None else None
    while token is not None:
        yield token
        token = token.next


def _check_method(node: DocumentNode, language: Language, *, is_by_get: bool) -> None:
    if is_by_get and not is_impersonal(node):
        raise NotByGet([from_refusal(OnlyByPost(), language)])


def _bad(refused: Refused, language: Language) -> BadDocument:
    return BadDocument([from_refusal(refused, language)])


def _wrong_value(error: GraphQLError) -> Refused:
    return WithoutTimeZone() if isinstance(error.original_error, NoTimeZone) else WrongValue()


class WrongValue(BadInput):
    zh = "此处的值与其类型不符。"
    en = "A value does not fit its type here."


class WithoutTimeZone(BadInput):
    zh = "此处的时间缺少时区，应形如 2026-11-22T08:00:00+08:00。"
    en = "A moment has no time zone here; it looks like 2026-11-22T08:00:00+08:00."


class OnlyByPost(BadInput):
    zh = "该请求须用 POST：地址中不得出现会员信息。"
    en = "This is asked by POST: nothing about anybody stands in an address."


class ControlCharacters(BadInput):
    zh = "文本中含有控制字符。"
    en = "A text has control characters."


class NoSuchOperation(BadInput):
    zh = "文档中没有该操作，或须给出 operationName。"
    en = "The document has no such operation, or several and no operationName was given."
