"""Tokens that somebody made up, bent, stole or used again elsewhere: 401, and nothing was read."""

import hmac
import json
from collections.abc import Callable
from functools import partial
from string import ascii_letters, digits
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey

from tests.graphql.world import WHOLE
from tests.sign_in.authority import Authority, Key, b64, compact, public, signer
from tests.sign_in.conftest import Gate

NO_KEY = "the issuer answers, and has no key that could be used"
BASE64 = f"{ascii_letters}{digits}-_"
Forge = Callable[[Authority, Authority, dict[str, Key]], str]


def hs256(secret: bytes) -> Any:
    return lambda content: hmac.digest(secret, content, "sha256")


def as_jwk(key: Key) -> bytes:
    return json.dumps(key.as_dict(private=False)).encode()


def forged(change: dict[str, object]) -> Forge:
    """Signed by somebody else's key, which the header offers."""

    def forge(staff: Authority, _systems: Authority, keys: dict[str, Key]) -> str:
        offered = {name: value(keys) if callable(value) else value for name, value in change.items()}
        return compact(staff.header(**offered), staff.claims(), signer("ES256", keys["ec2"]))

    return forge


def claiming(**changed: object) -> Forge:
    return lambda staff, _systems, _keys: staff.token(**changed)


def headed(**changed: object) -> Forge:
    return lambda staff, _systems, _keys: staff.token(header=changed)


ATTACKS: dict[str, Forge] = {
    "no signature": lambda a, _b, _k: compact(a.header(alg="none"), a.claims(), lambda _: b""),
    "none, but signed": headed(alg="none"),
    "None": headed(alg="None"),
    "HS256 by the public key as PEM": lambda a, _b, _k: compact(
        a.header(alg="HS256"), a.claims(), hs256(a.key.as_pem(private=False))
    ),
    "HS256 by the public key as JWK": lambda a, _b, _k: compact(
        a.header(alg="HS256"), a.claims(), hs256(as_jwk(a.key))
    ),
    "HS256 by nothing": lambda a, _b, _k: compact(a.header(alg="HS256"), a.claims(), hs256(b"")),
    "another audience": claiming(aud="https://other.test"),
    "other audiences": claiming(aud=["https://other.test", "https://hub.test.evil"]),
    "no audience": claiming(aud=None),
    "an audience of no kind": claiming(aud={"https://hub.test": True}),
    "a strange issuer": claiming(iss="https://login.evil"),
    "no issuer": claiming(iss=None),
    "issuers": lambda a, _b, _k: a.token(iss=[a.url]),
    "almost the issuer": lambda a, _b, _k: a.token(iss=a.url + "/"),
    "the development issuer": claiming(iss="member-hub-development"),
    "an ID token by its type": headed(typ="JWT"),
    "an ID token without a type": headed(typ=None),
    "an ID token by its shape": claiming(nonce="n-1"),
    "an ID token with the hash of an access token": claiming(at_hash="x"),
    "bound to a key": claiming(cnf={"jkt": "x"}),
    "jwk": forged({"jwk": lambda keys: keys["ec2"].as_dict(private=False)}),
    "jku": forged({"jku": "http://127.0.0.1:1/jwks"}),
    "x5c": forged({"x5c": ["MIIB"]}),
    "x5u": forged({"x5u": "http://127.0.0.1:1/cert"}),
    "crit": headed(crit=["exp"]),
    "crit of nothing": headed(crit=[]),
    "b64": headed(b64=True),
    "zip": headed(zip="DEF"),
    "jwk beside a good signature": lambda a, _b, _k: a.token(header={"jwk": a.key.as_dict(private=False)}),
    "expired": claiming(exp=int(1e9), iat=int(1e9) - 600),
    "not yet valid": lambda a, _b, _k: a.token(nbf=int(str(a.claims()["iat"])) + 60),
    "from the future": lambda a, _b, _k: a.token(
        iat=int(str(a.claims()["iat"])) + 60, exp=int(str(a.claims()["exp"])) + 60
    ),
    "for too long": lambda a, _b, _k: a.token(exp=int(str(a.claims()["iat"])) + 3601),
    "never expiring": claiming(exp=None),
    "expired before it was issued": lambda a, _b, _k: a.token(exp=int(str(a.claims()["iat"]))),
    "no time of issue": claiming(iat=None),
    "times as texts": claiming(iat="now"),
    "no id": claiming(jti=None),
    "no client": claiming(client_id=None),
    "no kid": headed(kid=None),
    "a kid of no kind": headed(kid=7),
    "a kid too long": headed(kid="k" * 201),
    "the key of another issuer": lambda a, b, _k: compact(
        a.header(kid=b.kid, alg="RS256"), a.claims(), signer("RS256", b.key)
    ),
    "a token of A by the key of B under the kid of A": lambda a, b, _k: compact(
        a.header(alg="RS256"), a.claims(), signer("RS256", b.key)
    ),
    "an algorithm of another kind of key": headed(alg="RS256"),
    "an algorithm that this issuer has not": lambda _a, b, _k: compact(
        b.header(alg="PS256"), b.claims(), signer("PS256", b.key)
    ),
    "another key under the kid": lambda a, _b, k: compact(a.header(), a.claims(), signer("ES256", k["ec2"])),
    "no role": claiming(role=None),
    "an unknown role": claiming(role="root"),
    "a role that only others may give": claiming(role="dpo"),
    "an app's role for a person": lambda _a, b, _k: b.token(client_id="console", role="app_crm"),
    "an app's role for a person of a client that is called like the app": lambda _a, b, _k: b.token(
        client_id="crm", sub="E1001", role="app_crm", scope="member_service"
    ),
    "a person through an app's client": lambda _a, b, _k: b.token(sub="E1001"),
    "the app's name for the client's": lambda _a, b, _k: b.token(client_id="checkout", sub="checkout"),
    "the client of an app at an issuer that has none": claiming(client_id="till", sub="till", role="app_checkout"),
    "no purpose": claiming(purposes=[]),
    "purposes that are none": claiming(purposes=["openid", "profile"]),
    "an e-mail address for a subject": claiming(sub="nana@brand.cn"),
    "a mobile number for a subject": claiming(sub="13812345670"),
    "a mobile number with the country for a subject": claiming(sub="+86-138-1234-5670"),
    "a mobile number in a subject": claiming(sub="corp|u13812345670"),
    "an identity number for a subject": claiming(sub="11010519491231002X"),
    "an identity number of 15 digits for a subject": claiming(sub="110105491231002"),
    "no subject": claiming(sub=None),
    "staff for a member": lambda _a, b, _k: b.token(role="member", client_id="c", member_id="not-an-id"),
    "a member who is nobody": lambda _a, b, _k: b.token(role="member", client_id="c"),
    "oversized": lambda a, _b, _k: a.token(stores=[f"{number:040d}" for number in range(400)]),
    "a claim twice": lambda a, _b, _k: compact(
        a.header(), b'{"role":"dpo",' + json.dumps(a.claims()).encode()[1:], signer(a.algorithm, a.key)
    ),
    "claims that are a list": lambda a, _b, _k: compact(a.header(), b"[1]", signer(a.algorithm, a.key)),
    "nested too deep": lambda a, _b, _k: compact(a.header(), b"[" * 6000, signer(a.algorithm, a.key)),
    "infinite": lambda a, _b, _k: compact(
        a.header(), json.dumps(a.claims()).replace('"sub"', '"x":Infinity,"sub"').encode(), signer("ES256", a.key)
    ),
    "four parts": lambda a, _b, _k: a.token() + ".e30",
    "encrypted": lambda a, _b, _k: a.token() + ".e30.e30",
    "a padded signature": lambda a, _b, _k: a.token() + "==",
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_token_that_is_not_wholly_right_opens_nothing(gate: Gate, keys: dict[str, Key], name: str) -> None:
    good = await gate.ask(gate.staff.token())
    assert (good.status_code, good.json()["data"]["member"]["name"]["value"]) == (200, WHOLE["name"])
    assert await gate.status(gate.systems.token()) == 200

    await gate.refuses(ATTACKS[name](gate.staff, gate.systems, keys))


async def test_no_address_that_a_token_names_is_ever_fetched(gate: Gate) -> None:
    trap = f"{gate.systems.url}/trap"

    await gate.refuses(gate.staff.token(header={"jku": trap}))
    await gate.refuses(gate.staff.token(header={"x5u": trap}))
    await gate.refuses(gate.staff.token(iss=trap))

    assert (gate.staff.fetched, gate.systems.fetched) == ([], [])


@pytest.mark.parametrize(
    "name",
    [
        "HS256 by nothing",
        "an algorithm that this issuer has not",
        "an ID token by its type",
        "an ID token by its shape",
        "jku",
        "no kid",
        "another audience",
        "a strange issuer",
        "expired",
        "not yet valid",
        "for too long",
    ],
)
async def test_a_token_that_is_wrong_by_its_face_costs_the_issuer_nothing(
    gate: Gate, keys: dict[str, Key], name: str
) -> None:
    await gate.refuses(ATTACKS[name](gate.staff, gate.systems, keys))

    assert (gate.staff.fetched, gate.systems.fetched) == ([], [])


async def test_two_keys_of_one_kid_are_none(gate: Gate, keys: dict[str, Key]) -> None:
    gate.staff.publish(public(gate.staff.key, "s-1"), public(keys["ec2"], "s-1"), public(keys["okp"], "s-2"))

    await gate.refuses(gate.staff.token())
    await gate.refuses(compact(gate.staff.header(), gate.staff.claims(), signer("ES256", keys["ec2"])))
    other = compact(gate.staff.header(alg="Ed25519", kid="s-2"), gate.staff.claims(), signer("Ed25519", keys["okp"]))
    assert await gate.status(other) == 200


@pytest.mark.parametrize(
    "change",
    [
        {"crv": "P-384"},
        {"use": "enc"},
        {"use": None},
        {"alg": "ES384"},
        {"alg": "HS256"},
        {"key_ops": ["sign"]},
        {"kty": "oct", "k": "AA"},
    ],
)
async def test_a_key_that_is_for_something_else_checks_nothing(gate: Gate, change: dict[str, object]) -> None:
    stated = {**public(gate.staff.key, "s-1"), **change}
    gate.staff.publish({name: value for name, value in stated.items() if value is not None})

    await gate.refuses(gate.staff.token())


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-384"), "ES256"),
        (OKPKey.generate_key("X25519"), "Ed25519"),
        (OKPKey.generate_key("Ed448"), "EdDSA"),
    ],
    ids=["P-384", "X25519", "Ed448"],
)
async def test_a_key_on_another_curve_checks_nothing(gate: Gate, key: Key, algorithm: str) -> None:
    gate.staff.publish(public(key, "s-1"))

    await gate.refuses(gate.staff.token(header={"alg": algorithm}))
    assert (await gate.sign_in_states())["staff"] == NO_KEY


async def test_a_short_rsa_key_checks_nothing(gate: Gate) -> None:
    short = rsa.generate_private_key(65537, 1024)
    numbers = short.public_key().public_numbers()
    n, e = (b64(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
    gate.staff.publish({"kty": "RSA", "use": "sig", "kid": "s-1", "n": n, "e": e})
    sign = partial(short.sign, padding=PKCS1v15(), algorithm=SHA256())

    await gate.refuses(compact(gate.staff.header(alg="RS256"), gate.staff.claims(), sign))


async def test_a_private_key_that_an_issuer_published_by_mistake_checks_nothing(gate: Gate) -> None:
    assert isinstance(gate.staff.key, ECKey)
    gate.staff.publish({**gate.staff.key.as_dict(private=True), "kid": "s-1", "use": "sig"})

    await gate.refuses(gate.staff.token())
    assert (await gate.sign_in_states())["staff"] == NO_KEY


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "Ed25519", "EdDSA", "ES256"])
async def test_every_algorithm_that_the_file_names_is_taken(gate: Gate, keys: dict[str, Key], algorithm: str) -> None:
    key = {"RS256": keys["rsa"], "PS256": keys["rsa"], "ES256": keys["ec"]}.get(algorithm, keys["okp"])
    gate.staff.publish(public(key, "s-9", alg=algorithm))

    token = compact(gate.staff.header(alg=algorithm, kid="s-9"), gate.staff.claims(), signer(algorithm, key))

    assert await gate.status(token) == 200
    others = {"RS256": "PS256", "PS256": "RS256"}
    if algorithm in others:
        other = others[algorithm]
        await gate.refuses(compact(gate.staff.header(alg=other, kid="s-9"), gate.staff.claims(), signer(other, key)))


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "AT+JWT"])
async def test_the_type_is_a_media_type(gate: Gate, kind: str) -> None:
    assert await gate.status(gate.staff.token(header={"typ": kind})) == 200


async def test_a_signature_has_one_spelling(gate: Gate) -> None:
    token = gate.staff.token()
    assert await gate.status(token) == 200

    # The last character carries four bits that no byte needs.
    others = [await gate.status(token[:-1] + other) for other in BASE64 if other != token[-1]]

    assert others == [401] * 63


CHARACTERS = f"{BASE64}.=~"


@hypothesis_settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 299), other=st.sampled_from(["", *CHARACTERS, *(f"{c}{c}" for c in "A._")]))
async def test_a_token_of_which_one_character_is_another_is_refused(gate: Gate, at: int, other: str) -> None:
    token = gate.staff.token()
    at = at * len(token) // 300 if at < 250 else at - 300  # the end, where bits are unused, more often
    assume(other != token[at])
    changed = list(token)
    changed[at] = other

    assert await gate.status("".join(changed)) == 401
