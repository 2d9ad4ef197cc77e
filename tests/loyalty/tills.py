"""Tills that ask a served hub over HTTP, and ask again, under the same key, whatever was not answered."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx2

PAUSE_S = 0.25
ANSWER_S = 15
PATIENCE_S = 60
_RECEIPT = "receipt { operationId points balance version recordedAt entries { act reason points lot hold } }"
_ERRORS = "userErrors { field code }"
_ANSWERS = {
    "memberEnrol": f"member {{ id }} {_ERRORS}",
    "orderRecord": f"receipt {{ points takenBack growth duplicates }} {_ERRORS}",
    "benefitUse": f"use {{ id benefit usedAt }} {_ERRORS}",
}


class Unanswered(Exception):
    """The hub was not there, or said that it cannot answer at the moment."""


class Tills:
    """Several connections; `broken` counts the codes that no till can do anything with."""

    def __init__(self, client: httpx2.AsyncClient, token: str, address: str = "") -> None:
        self.address = address
        self.broken: Counter[str] = Counter()
        self.unanswered = 0
        self._client = client
        self._token = token

    async def ask(self, name: str, key: str, stated: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The id of the request that was answered, and its payload."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self.ask_once(name, key, stated)
                except Unanswered:
                    self.unanswered += 1
                    await asyncio.sleep(PAUSE_S)

    async def ask_once(self, name: str, key: str, stated: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Raises Unanswered."""
        sent = {"query": mutation(name), "variables": {"input": stated, "key": key}}
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            answer = await self._client.post(f"{self.address}/graphql", json=sent, headers=headers, timeout=ANSWER_S)
        except httpx2.TransportError:
            raise Unanswered from None
        body = answer.json() if answer.headers.get("content-type", "").startswith("application/") else {}
        codes = [error["extensions"]["code"] for error in body.get("errors", [])]
        self.broken.update(code for code in codes if code != "UNAVAILABLE")
        if codes or answer.status_code != 200:
            raise Unanswered
        payload: dict[str, Any] = body["data"][name]
        return body["extensions"]["requestId"], payload


def mutation(name: str) -> str:
    answer = _ANSWERS.get(name, f"{_RECEIPT} {_ERRORS}")
    return f"""mutation ($input: {name[0].upper()}{name[1:]}Input!, $key: String!) {{
        {name}(input: $input, idempotencyKey: $key) {{ {answer} }} }}"""


def codes(payload: Mapping[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]
