"""Documents that ask nothing about anybody: the only ones that may stand in an address.

Context: what stands in an address ends in the logs of every proxy on the way and in the history of every browser; yet
tools that look at a schema ask by GET, as GraphQL over HTTP lets them. Decision: by GET come queries whose fields at
the root are `__typename`, `__schema` and `__type`, spread fragments included, and nothing else: no field of Query, no
mutation, no registered document. The refusal is 405, whoever asks, before the document is validated and before a value
of its variables is looked at. Price: who does send a look-up by GET has put it into an address already; all that is
left to do is not to answer, so that nobody gets used to it.
"""

from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
)

FIELDS: Final = frozenset({"__typename", "__schema", "__type"})


def is_impersonal(document: DocumentNode) -> bool:
    """Whether every operation, also one that is not asked for, is of this kind; each fragment is looked at once."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if any(operation.operation is not OperationType.QUERY for operation in operations):
        return False
    waiting = [operation.selection_set for operation in operations]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode) and node.name.value not in FIELDS:
                return False
            if isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value in fragments:
                waiting.append(fragments.pop(node.name.value).selection_set)
    return True
