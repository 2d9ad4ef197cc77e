"""A real OpenID provider (npm `oidc-provider`) in a process of its own, and how a person signs in there."""

import json
import re
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc.jwk import ECKey

SOURCE = Path(__file__).parent / "provider"
AUDIENCE = "https://hub.test"
CALLBACK = "http://127.0.0.1/cb"
STEPS_MAX = 10
START_S = 30


def signing_key(kid: str) -> dict[str, object]:
    return {**ECKey.generate_key("P-256").as_dict(private=True), "kid": kid, "use": "sig", "alg": "ES256"}


class OpenidProvider:
    """Keeps its port over restarts, so that it stays the same issuer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *keys: Mapping[str, object]) -> None:
        """It signs with the first key and publishes all."""
        self._process = subprocess.Popen(
            ["node", "provider.mjs"],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        told = {
            "port": urlsplit(self.url).port or 0,
            "audience": AUDIENCE,
            "algorithm": "ES256",
            "jwks": {"keys": keys},
        }
        self._process.stdin.write(json.dumps(told))
        self._process.stdin.close()
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the provider did not start"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_S)
            assert self._process.stdout
            self._process.stdout.close()
            self._process = None

    def app_token(self, client: str, *, audience: str = AUDIENCE) -> str:
        """By client credentials."""
        form = {"grant_type": "client_credentials", "resource": audience}
        answer = httpx2.post(f"{self.url}/token", data=form, auth=(client, f"{client}-secret"), trust_env=False)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def sign_in(self, login: str) -> dict[str, str]:
        """By authorisation code and PKCE, through the provider's own pages: access_token and id_token."""
        verifier = "v" * 43
        digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": "console",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid member_service",
            "resource": AUDIENCE,
            "code_challenge": digest,
            "code_challenge_method": "S256",
        }
        with httpx2.Client(base_url=self.url, trust_env=False) as browser:
            code = _walk(browser, browser.get("/auth", params=asked), login)
            form = {
                "grant_type": "authorization_code",
                "client_id": "console",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": verifier,
            }
            answer = browser.post("/token", data=form)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens


def _walk(browser: httpx2.Client, answer: httpx2.Response, login: str) -> str:
    """Through redirects and forms to the code that comes back."""
    for _ in range(STEPS_MAX):
        target = answer.headers.get("location")
        if target and target.startswith(CALLBACK):
            return parse_qs(urlsplit(target).query)["code"][0]
        if target:
            answer = browser.get(target)
            continue
        prompt = _one(re.findall(r'name="prompt" value="(\w+)"', answer.text))
        action = _one(re.findall(r'<form[^>]* action="([^"]+)"', answer.text))
        answer = browser.post(action, data={"prompt": prompt, "login": login, "password": "any"})
    raise AssertionError("the provider's pages do not end")


def _one(found: Sequence[str]) -> str:
    (one,) = found
    return one
