"""What the hub is told to work with: authorisation servers, the message service, the loyalty programme."""

from collections.abc import AsyncIterator

from member_hub import organisation, programme
from member_hub.access import Policies, folder_of, issuers
from member_hub.access.fetching import NotFetched, fetch_keys
from member_hub.doctor.findings import Check, Verdict, failed
from member_hub.errors import Misconfigured
from member_hub.runtime import ProgrammeRules
from member_hub.settings import Settings
from member_hub.telling import sending


async def sign_in(settings: Settings) -> AsyncIterator[Check]:
    """Whether anybody can sign in, and whether the keys of each authorisation server can be had from here."""
    if settings.sign_in is None:
        if settings.is_production:
            yield Check(
                "sign-in",
                Verdict.WARN,
                "no authorisation server: every token of staff and apps is refused (401)",
                "Name them in a file, and the file in MEMBER_HUB_SIGN_IN.",
            )
        else:
            yield Check("sign-in", Verdict.OK, "development tokens (member-hub token)")
        return
    try:
        register = Policies.load(folder_of(settings)).register
        listed = issuers.load(settings.sign_in, register, organisation.of(settings))
    except Misconfigured as error:
        yield failed("sign-in", error)
        return
    for issuer in listed:
        yield await _issuer(issuer)


async def _issuer(issuer: issuers.Issuer) -> Check:
    name = f"sign-in by {issuer.name}"
    try:
        keys = await fetch_keys(issuer)
    except NotFetched as error:
        return Check(name, Verdict.WARN, f"its keys cannot be had: {error}", f"See whether {issuer.url} answers.")
    if not keys:
        algorithms = ", ".join(sorted(issuer.algorithms))
        return Check(name, Verdict.WARN, "it has no key that could be used", f"It needs `use: sig` and {algorithms}.")
    return Check(name, Verdict.OK, f"{issuer.url}, {len(keys)} usable {'key' if len(keys) == 1 else 'keys'}")


def sender(settings: Settings) -> Check:
    """Whether codes reach anybody; nothing is sent."""
    name = "message service"
    if settings.sender_url is None and not settings.is_production:
        return Check(name, Verdict.OK, "none: codes appear on the console (development)")
    if settings.sender_url is None:
        return Check(
            name,
            Verdict.WARN,
            "none: members cannot sign in by code",
            "Set MEMBER_HUB_SENDER_URL and MEMBER_HUB_SENDER_SECRET_FILE.",
        )
    try:
        sending.checked_url(settings.sender_url)
        sending.read_secret(settings.sender_secret_file)
        sending.check_hops(settings)
    except Misconfigured as error:
        return failed(name, error)
    return Check(name, Verdict.OK, "by MEMBER_HUB_SENDER_URL, signed")


def programme_read(settings: Settings) -> Check:
    """Whether the loyalty programme can be read, each part of it: without, the hub does not start."""
    try:
        ProgrammeRules.load(settings)
    except Misconfigured as error:
        return failed("loyalty programme", error)
    return Check("loyalty programme", Verdict.OK, str(programme.file_of(settings)))
