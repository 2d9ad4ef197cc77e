"""The receipt of a decision: what it says, that anybody can check it without the hub, and who gets it."""

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from member_hub.consent.history.signing import NotGenuine, ReceiptKey, verified
from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, ConsentState
from tests.graphql.decided import Decided
from tests.graphql.world import WHOLE, People, World

S = ConsentState
RECEIPT = "query ($event: ID!) { consentReceipt(event: $event) { recordId keyId document } }"


async def event_id(decided: Decided) -> str:
    return str((await decided.ask())[0]["eventId"])


async def download(world: World, event: str, role: str = "member", **about: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {world.token(role, **about)}"}
    return await world.client.get(f"/consents/receipts/{event}", headers=headers)


def independently_verified(document: bytes, public: bytes) -> dict[str, Any]:
    """As somebody else would who has the file, the key and RFC 7515: nothing of the hub is used."""
    said = json.loads(document)
    head, nothing, signature = said.pop("proof")["jws"].split(".")
    payload = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signed = f"{head}.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}".encode()
    Ed25519PublicKey.from_public_bytes(public).verify(base64.urlsafe_b64decode(f"{signature}=="), signed)
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert (nothing, header["alg"], header["kid"]) == ("", "Ed25519", hashlib.sha256(public).hexdigest()[:16])
    return dict(said)


async def test_a_receipt_says_what_the_specification_asks_for(decided: Decided) -> None:
    event = await event_id(decided)
    answer = await decided.world.ask("member", RECEIPT, member=decided.member, variables={"event": event})
    found = answer["consentReceipt"]

    said = independently_verified(found["document"].encode(), decided.world.hub.receipt_key.public)

    assert (found["recordId"], said["record_id"], said["schema_version"]) == (event, event, "ISO/IEC TS 27560:2023")
    assert (said["pii_principal_id"], said["@type"]) == (str(decided.member), "ConsentReceipt")
    (controller,) = said["party_identification"]
    assert (controller["party_role"], controller["party_contact"]) == (
        "pii_controller", "privacy@brand.example.invalid",
    )  # fmt: skip
    (processing,) = said["pii_processing"]
    assert processing["purpose"][0] | {"description": ""} == {
        "purpose_id": "marketing",
        "description": "",
        "lawful_basis": "consent",
        "lawful_basis_article": "PIPL 13(1)(1)",
    }
    assert processing["privacy_notice"]["version"] == "general-2026-01"
    assert (processing["jurisdiction"], processing["communication_channel"]) == ("CN", "sms")
    assert [each["pii_type"] for each in processing["pii_information"]] == [
        "commerce",
        "contact",
        "identifier",
        "profile",
    ]
    assert processing["withdrawal_method"].keys() == {"zh", "en"}
    (event_said,) = said["event"]
    assert event_said | {"sha256": ""} == {
        "event_time": "2026-11-08T04:00:00+00:00",
        "valid_until": None,
        "event_type": "grant",
        "event_state": "granted",
        "event_state_before": "asked",
        "entity_id": "member",
        "method": "tick",
        "explicit": True,
        "separate": False,
        "sha256": "",
    }


async def test_a_receipt_for_a_recipient_names_them_where_they_are_and_what_they_get(decided: Decided) -> None:
    decided.slot = Slot("personalisation", "overseas_partner")
    await decided.happen(Act.GRANT, S.GRANTED, contact_kind=None, is_separate=True, is_abroad=True)
    (event,) = [one["eventId"] for one in await decided.ask() if one["recipient"]]

    said = verified((await download(decided.world, event, member=decided.member)).content, key(decided))

    (_, theirs) = said["party_identification"]
    (processing,) = said["pii_processing"]
    assert (theirs["party_id"], theirs["party_country"]) == ("overseas_partner", "SG")
    assert processing["processing_locations"] == ["CN", "SG"]
    assert [each["pii_type"] for each in processing["pii_information"]] == ["profile"]
    assert said["event"][0]["separate"] is True


def key(decided: Decided) -> bytes:
    return decided.world.hub.receipt_key.public


async def test_a_receipt_is_downloaded_with_the_same_token_and_is_on_record(decided: Decided) -> None:
    event = await event_id(decided)
    before = len(await decided.world.audited())

    response = await download(decided.world, event, member=decided.member)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/ld+json")
    assert response.headers["Content-Disposition"] == 'attachment; filename="consent-receipt.jsonld"'
    assert response.headers["Cache-Control"] == "no-store"
    assert WHOLE["phone"].encode() not in response.content
    independently_verified(response.content, key(decided))
    (entry,) = (await decided.world.audited())[before:]
    assert (entry.operation, entry.outcome, entry.member_ids) == ("consentReceipt", "ok", [decided.member])


async def test_the_receipt_of_an_event_is_the_same_whenever_it_is_had(decided: Decided) -> None:
    event = await event_id(decided)
    first = (await download(decided.world, event, member=decided.member)).content

    decided.world.clock.at += timedelta(days=5)

    assert (await download(decided.world, event, member=decided.member)).content == first


async def test_what_is_not_in_reach_and_what_is_not_there_are_404_and_missed(decided: Decided, people: People) -> None:
    event = await event_id(decided)
    before = len(await decided.world.audited())

    answers = [
        await download(decided.world, event, member=people.southern),
        await download(decided.world, "nothing", member=decided.member),
        await download(decided.world, event[:-4], member=decided.member),
        await download(decided.world, "%00" * 50, member=decided.member),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert {answer.json()["errors"][0]["extensions"]["code"] for answer in answers} == {"NOT_FOUND"}
    assert [row.outcome for row in (await decided.world.audited())[before:]] == ["missed"] * 4


@pytest.mark.parametrize(("role", "status"), [("store_manager", 403), ("app_crm", 403), ("auditor", 403)])
async def test_who_may_not_gets_none_and_is_on_record(decided: Decided, role: str, status: int) -> None:
    event = await event_id(decided)

    response = await download(decided.world, event, role)

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, "FORBIDDEN")
    assert (await decided.world.audited())[-1].outcome == "FORBIDDEN"


async def test_without_a_token_nothing_is_told(decided: Decided) -> None:
    response = await decided.world.client.get(f"/consents/receipts/{await event_id(decided)}")

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_one_flipped_byte_anywhere_is_found(decided: Decided) -> None:
    document = (await download(decided.world, await event_id(decided), member=decided.member)).content
    assert verified(document, key(decided))["@type"] == "ConsentReceipt"

    passed = []
    for place in range(len(document)):
        for bit in (1, 32):
            flipped = bytearray(document)
            flipped[place] ^= bit
            try:
                verified(bytes(flipped), key(decided))
            except NotGenuine:
                continue
            passed.append((place, bit))

    assert passed == []


async def test_the_signature_has_one_spelling(decided: Decided) -> None:
    """The last letter of 64 bytes in base64url has four bits to spare: fifteen others decode to the same."""
    document = (await download(decided.world, await event_id(decided), member=decided.member)).content
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    signature = orjson.loads(document)["proof"]["jws"].rpartition(".")[2]
    other = signature[:-1] + letters[letters.index(signature[-1]) ^ 1]
    assert base64.urlsafe_b64decode(f"{other}==") == base64.urlsafe_b64decode(f"{signature}==")

    with pytest.raises(NotGenuine):
        verified(document.replace(signature.encode(), other.encode()), key(decided))


async def test_nothing_else_passes_for_a_receipt(decided: Decided, tmp_path: Path) -> None:
    document = (await download(decided.world, await event_id(decided), member=decided.member)).content
    said = orjson.loads(document)
    others = ReceiptKey.open(tmp_path / "other")
    stranger = others.signed({name: value for name, value in said.items() if name != "proof"})
    none = orjson.dumps(
        said | {"proof": {**said["proof"], "jws": "eyJhbGciOiJub25lIn0.."}}, option=orjson.OPT_SORT_KEYS
    )

    for other in (stranger, none, orjson.dumps(said, option=orjson.OPT_INDENT_2), document + b" ", b"", b"[]", b"null"):
        with pytest.raises(NotGenuine):
            verified(other, key(decided))
