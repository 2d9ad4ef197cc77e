"""One request from its text to its answer: read, planned, checked, executed, put on record, and only then answered.

Decision: what a caller may not do at all refuses the whole request: FORBIDDEN comes without data, whichever field it
was, and so does UNAVAILABLE. Half an answer beside a refusal helps nobody who asks in good faith, and lets others
compare. Price: a document that reads one thing too many gets nothing. A value that may not be seen is no refusal.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import isawaitable
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType, execute
from graphql.execution.values import VariableValues, get_variable_values

from member_hub.access import Caller, CallerKind, PurposeNotAllowed
from member_hub.audit import AuditUnavailable
from member_hub.errors import BadInput, Forbidden, Refused, Unavailable
from member_hub.graphql.asking import Asking, Snapshot, turned_away
from member_hub.graphql.cost import COST_MAX, Meter, TooExpensive
from member_hub.graphql.documents import (
    BadDocument,
    Document,
    Documents,
    NoSuchOperation,
    NotByGet,
    mutations_in,
)
from member_hub.graphql.limits import WrongNumberOfKeys
from member_hub.graphql.problems import Language, from_execution, from_refusal
from member_hub.graphql.schema import core_schema, schema
from member_hub.graphql.selection import Plan, Root, Wanted, certain_roots, plan
from member_hub.graphql.throttle import Throttle
from member_hub.graphql.trusted import DocumentNotFound, DocumentRequired, Registered, TrustedDocuments, folder_of
from member_hub.graphql.turns import Turns
from member_hub.graphql.variables import wrong_argument, wrong_variables
from member_hub.runtime import Runtime
from member_hub.throttling import Throttled

LONG_BYTES = 10_000  # from here on making out the variables is worth being saved; 100 keys take about 4,000
REQUEST_S = 30
_WHOLE: Final = (Forbidden.code, Unavailable.code)  # these leave no data


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A GraphQL request as it came in: a text, or the id of a registered document."""

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    document_id: str | None = None
    is_by_get: bool = False  # it stood in an address
    body_bytes: int = 0  # how long it was, variables and all
    is_ours: bool = False  # the text is the hub's own, and nobody sent it


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """`data` is None where nothing was executed, or a field that may not be null failed."""

    data: Mapping[str, Any] | None
    errors: Sequence[Mapping[str, Any]]
    kind: str  # query, mutation, or none: for counting
    is_executed: bool  # then the answer says `data`, be it null
    is_unprocessable: bool = False  # a document that was read, and cannot be executed as it stands
    cost: Mapping[str, int] | None = None  # where the request was priced
    needs_post: bool = False  # it came by GET, and may not

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


class OperationRefused(Forbidden):
    zh = "当前角色与处理目的不能执行该操作。"
    en = "This role and purpose may not do this."


class LongAndRefused(Exception):
    """It asks for what its caller may not, and is too long to be made out for that; `plan` has its root fields only."""

    def __init__(self, planned: Plan) -> None:
        self.plan = planned
        super().__init__("not made out")


@dataclass(frozen=True, slots=True)
class Ready:
    """A request that could be executed."""

    document: Document
    operation: OperationDefinitionNode
    plan: Plan
    cost: int


class Api:
    """The API of one process."""

    def __init__(self, hub: Runtime) -> None:
        self._hub = hub
        self._schema = core_schema()
        introspects = not hub.settings.is_production
        self._documents = Documents(self._schema, introspects=introspects, quotes=introspects)
        self._trusted = TrustedDocuments(folder_of(hub.settings), self._schema, introspects=introspects)
        self._throttle = Throttle(hub.settings)
        self._turns = Turns()

    async def documents(self) -> Registered:
        """How the folder of trusted documents stands."""
        return await self._trusted.registered()

    async def answer(self, asked: Asked, caller: Caller, language: Language) -> Answer:
        """The answer to a request; what goes wrong is in it. Nothing personal is in it that is not on record."""
        try:
            self._throttle.enter(caller)
            text = await self._text(asked, caller)
            if not self._documents.knows(text):
                self._throttle.charge_reading(caller, len(text))
            ready = self._ready(asked, text, caller, language)
        except LongAndRefused as refusal:
            self._throttle.charge_refusal(caller, asked.body_bytes)
            return await self._not_made_out(caller, refusal, language)
        except PurposeNotAllowed as refusal:  # the policy has changed since the door let the caller in
            return refused(refusal, language)
        except Throttled as throttled:
            return await self._turned_away(caller, throttled, language)
        except DocumentNotFound as unknown:
            self._throttle.charge_refusal(caller, asked.body_bytes)
            return refused(unknown, language)
        except BadDocument as bad:
            self._throttle.charge_refusal(caller, asked.body_bytes)
            return await self._not_executable(caller, bad, asked, language)
        try:
            asking = self._asking(caller, language, ready.plan, self._hub.clock.now())
        except PurposeNotAllowed as refusal:
            return refused(refusal, language)
        try:
            self._throttle.charge(caller, cost=ready.cost, lookups=ready.plan.lookups, body_bytes=asked.body_bytes)
            answer = await self._checked(asking, ready, asked)
        except Throttled as throttled:
            answer = await self._throttled(asking, throttled, ready)
        finally:
            await asking.snapshot.close()
        return replace(answer, cost=_price(ready.cost) | {"remaining": self._throttle.room(caller)})

    async def _text(self, asked: Asked, caller: Caller) -> str:
        """Raises DocumentNotFound; in production for every text of an app too: it asks there what was approved."""
        if asked.document_id is not None:
            return await self._trusted.text(caller, asked.document_id)
        sends_text = caller.kind is CallerKind.APP and not asked.is_ours
        if asked.query is None or (self._hub.settings.is_production and sends_text):
            raise DocumentRequired(field="query")
        return asked.query

    def _ready(self, asked: Asked, text: str, caller: Caller, language: Language) -> Ready:
        """Raises BadDocument for what cannot be executed, without saying its values; LongAndRefused."""
        document = self._documents.read(text, language, is_by_get=asked.is_by_get)
        try:
            return self._made_out(document, asked, caller, language)
        except BadDocument as bad:
            bad.node = document.node
            raise

    def _made_out(self, document: Document, asked: Asked, caller: Caller, language: Language) -> Ready:
        operation = _operation(document, asked.operation_name, language)
        if asked.body_bytes > LONG_BYTES:
            self._check_roots(document, operation, caller)
        variables = self._variables(operation, asked, language)
        try:
            cost = Meter(self._schema, document, variables).price(operation)
            if cost > COST_MAX:
                raise BadDocument([from_refusal(TooExpensive(cost), language)], cost=_price(cost))
            return Ready(document, operation, plan(self._schema, document, operation, variables), cost)
        except GraphQLError as error:
            raise BadDocument([wrong_argument(error, language, names=self._names(asked))]) from None

    def _check_roots(self, document: Document, operation: OperationDefinitionNode, caller: Caller) -> None:
        grant, names = self._hub.policies.grant(caller.role, caller.purpose), certain_roots(document, operation)
        if not all(grant.may(name) for name in names):
            is_mutation = operation.operation is OperationType.MUTATION
            raise LongAndRefused(Plan(is_mutation, {name: Root(name, name, {}, Wanted()) for name in sorted(names)}))

    def _variables(self, operation: OperationDefinitionNode, asked: Asked, language: Language) -> VariableValues:
        variables = get_variable_values(
            self._schema,
            operation.variable_definitions or (),
            dict(asked.variables),
            max_errors=1,  # which they are is told by variables.py
            hide_suggestions=True,
        )
        if not isinstance(variables, VariableValues):
            names = self._names(asked)
            raise BadDocument(wrong_variables(self._schema, operation, asked.variables, language, names=names))
        return variables

    def _names(self, asked: Asked) -> bool:
        """Whether variables are named: the operator has looked at the names of a registered document."""
        return asked.document_id is not None or not self._hub.settings.is_production

    async def _turned_away(self, caller: Caller, throttled: Throttled, language: Language) -> Answer:
        """The document was not even read. The first time in a minute goes on record."""
        try:
            if self._throttle.is_worth_telling(caller):
                await self._hub.audit.write(turned_away(caller, throttled.code, now=self._hub.clock.now()))
        except AuditUnavailable as unavailable:
            return refused(unavailable, language)
        return refused(throttled, language)

    async def _not_executable(self, caller: Caller, bad: BadDocument, asked: Asked, language: Language) -> Answer:
        """Whoever tried to change something is on record, with what and why it was refused: no values, no own words.

        A query that cannot be executed shows nothing and is not; neither is what is no GraphQL.
        """
        names = mutations_in(bad.node, self._schema, asked.operation_name) if bad.node is not None else None
        if names is None:
            return _bad(bad)
        code = str(bad.errors[0]["extensions"]["code"])
        entry = turned_away(caller, code, now=self._hub.clock.now(), operations=names)
        try:
            await self._hub.audit.write(entry)
        except AuditUnavailable as unavailable:
            return refused(unavailable, language)
        return _bad(bad)

    async def _not_made_out(self, caller: Caller, refusal: LongAndRefused, language: Language) -> Answer:
        asking = self._asking(caller, language, refusal.plan, self._hub.clock.now())
        asking.trail.refuses(Forbidden.code, ())
        kind = (OperationType.MUTATION if refusal.plan.is_mutation else OperationType.QUERY).value
        return await _on_record(asking, Answer(None, [_error(OperationRefused(), asking)], kind, is_executed=False))

    async def _throttled(self, asking: Asking, throttled: Throttled, ready: Ready) -> Answer:
        """Nothing is executed. The first time in a minute goes on record with what was asked for."""
        answer = Answer(None, [_error(throttled, asking)], ready.operation.operation.value, is_executed=False)
        if not self._throttle.is_worth_telling(asking.caller):
            return answer
        asking.trail.refuses(throttled.code, asking.plan.roots.values())
        return await _on_record(asking, answer)

    def _asking(self, caller: Caller, language: Language, planned: Plan, now: datetime) -> Asking:
        asking = Asking(
            hub=self._hub,
            caller=caller,
            grant=self._hub.policies.grant(caller.role, caller.purpose),
            language=language,
            now=now,
            plan=planned,
            snapshot=Snapshot(self._hub),
            turns=self._turns,
        )
        asking.trail.asks(planned.roots.values())
        return asking

    async def _checked(self, asking: Asking, ready: Ready, asked: Asked) -> Answer:
        kind = ready.operation.operation.value
        if not all(asking.grant.may(root.name) for root in asking.plan.roots.values()):
            asking.trail.refuses(Forbidden.code, asking.plan.roots.values())
            return await _on_record(asking, Answer(None, [_error(OperationRefused(), asking)], kind, is_executed=False))
        oversized = next((root for root in asking.plan.roots.values() if root.is_oversized), None)
        if oversized is not None:
            asking.trail.refusal = BadInput.code
            error = _error(WrongNumberOfKeys(field="by"), asking) | {"path": [oversized.key]}
            return await _on_record(asking, Answer(None, [error], kind, is_executed=True))
        try:
            async with asyncio.timeout(REQUEST_S):
                result = await self._executed(asking, ready, asked)
        except TimeoutError:
            asking.trail.refusal = Unavailable.code
            return await _on_record(asking, Answer(None, [_error(Unavailable(), asking)], kind, is_executed=False))
        errors = [from_execution(error, asking.language, asking.caller.request_id) for error in result.errors or ()]
        answer = Answer(result.data, errors, kind, is_executed=True)
        if answer.codes and asking.trail.refusal is None:
            asking.trail.refusal = answer.codes[0]
        return await _on_record(asking, answer)

    async def _executed(self, asking: Asking, ready: Ready, asked: Asked) -> ExecutionResult:
        result = execute(
            self._schema,
            ready.document.node,
            context_value=asking,
            variable_values=dict(asked.variables),
            operation_name=ready.operation.name.value if ready.operation.name else None,
            executor_class=schema().execution_context_class,
            hide_suggestions=True,
        )
        return await result if isawaitable(result) else result


def _bad(bad: BadDocument) -> Answer:
    return Answer(
        None,
        bad.errors,
        "none",
        is_executed=False,
        is_unprocessable=bad.is_read,
        cost=bad.cost,
        needs_post=isinstance(bad, NotByGet),
    )


def _operation(document: Document, name: str | None, language: Language) -> OperationDefinitionNode:
    found = document.operation(name)
    if found is None:
        raise BadDocument([from_refusal(NoSuchOperation(field="operationName"), language)])
    return found


async def _on_record(asking: Asking, answer: Answer) -> Answer:
    """Nothing leaves before it is written down; what cannot be written down is not answered."""
    try:
        await asking.write_trail()
    except AuditUnavailable as unavailable:
        return Answer(None, [_error(unavailable, asking)], answer.kind, is_executed=False)
    if any(code in _WHOLE for code in answer.codes):
        return Answer(None, answer.errors, answer.kind, is_executed=False)
    return answer


def refused(refusal: Refused, language: Language) -> Answer:
    """The answer to a request that was not executed."""
    return Answer(None, [from_refusal(refusal, language)], "none", is_executed=False)


def _price(cost: int) -> dict[str, int]:
    return {"requested": cost, "limit": COST_MAX}


def _error(refusal: Refused, asking: Asking) -> dict[str, Any]:
    return from_refusal(refusal, asking.language)
