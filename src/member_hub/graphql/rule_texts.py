"""What is said about a document that breaks a rule, where nothing of the document may be said back.

Whoever types a phone number where a field belongs finds it neither in the answer nor in what their own systems log of
it. The place is told by line and column.
"""

from collections.abc import Mapping
from typing import Final

NOT_VALID: Final = "The document is not valid here."

RULE_TEXTS: Final[Mapping[str, str]] = {
    "ExecutableDefinitionsRule": "A document has operations and fragments only.",
    "KnownOperationTypesRule": "There is no such kind of operation.",
    "UniqueOperationNamesRule": "Two operations have one name.",
    "LoneAnonymousOperationRule": "An operation without a name has to be the only one.",
    "SingleFieldSubscriptionsRule": "A subscription has one field.",
    "KnownTypeNamesRule": "There is no such type.",
    "FragmentsOnCompositeTypesRule": "A fragment cannot be on a type without fields.",
    "VariablesAreInputTypesRule": "A variable has a type that is no input type.",
    "ScalarLeafsRule": "A selection is missing here, or there is one where none may be.",
    "FieldsOnCorrectTypeRule": "There is no such field here.",
    "UniqueFragmentNamesRule": "Two fragments have one name.",
    "KnownFragmentNamesRule": "There is no such fragment.",
    "NoUnusedFragmentsRule": "A fragment is not used.",
    "PossibleFragmentSpreadsRule": "A fragment can never match here.",
    "NoFragmentCyclesRule": "A fragment may not contain itself.",
    "UniqueVariableNamesRule": "Two variables have one name.",
    "NoUndefinedVariablesRule": "A variable is not declared.",
    "NoUnusedVariablesRule": "A variable is not used.",
    "KnownDirectivesRule": "There is no such directive, or not here.",
    "UniqueDirectivesPerLocationRule": "A directive stands here more than once.",
    "DeferStreamDirectiveOnRootField": "@defer and @stream cannot stand here.",
    "DeferStreamDirectiveOnValidOperationsRule": "@defer and @stream cannot stand here.",
    "DeferStreamDirectiveLabel": "A label of @defer or @stream is not valid.",
    "StreamDirectiveOnListField": "@stream cannot stand here.",
    "KnownArgumentNamesRule": "There is no such argument here.",
    "UniqueArgumentNamesRule": "An argument stands here more than once.",
    "ProvidedRequiredArgumentsRule": "A required argument is missing.",
    "VariablesInAllowedPositionRule": "A variable does not fit the type that is expected here.",
    "OverlappingFieldsCanBeMergedRule": "Two fields have one name in the answer, and are not the same.",
    "UniqueInputFieldNamesRule": "An input field stands here more than once.",
    "NoSchemaIntrospectionCustomRule": "Introspection is off.",
    "MaxIntrospectionDepthRule": "Introspection goes too deep.",
}
