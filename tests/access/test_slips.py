"""Over all one-character slips in the policy files, none grants more than the policy as meant.

policy.csv has some 33,000 characters. Exhaustively, for every line: each deletion, and each substitution and
insertion of each character of the alphabet below, is read as a line; what is no line any more stops the load. What is
still a line is loaded whole. So is every 4,999th slip of the file, whatever it is, every 499th of the register and
every 17th of the model: primes, so that each kind of slip comes by. Of the organisation register, each line that says
who may do what is spoiled exhaustively, and every 97th slip of the whole file is loaded. cases.csv grants nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from member_hub import organisation as organisations
from member_hub.access import Policies, cases, loader, register
from member_hub.access.deciding import decide
from member_hub.access.loader import Ruleset, parse, read
from member_hub.access.words import ACTIONS, OBJECTS, OUTCOMES, PURPOSES, Action, RowScope, Verdict, rows_object
from member_hub.organisation import App, Organisation, PolicyError

ALPHABET = 'abcdeimrstw_:.,#*" -0A\n'
NEAR = {"operation:member", "operation:members"}  # the loader wants both or neither
ROLES = frozenset({"app_checkout", "app_crm", "app_mini_program"})
NOBODY = ("", "")
KINDS = 1 + 2 * len(ALPHABET)
REACHES = {
    scope: reach
    for reach, scope in enumerate(["none", "self", "children", "behalf", "own_stores", "region", "handler", "all"])
}


def _slip(text: str, number: int, alphabet: str = ALPHABET) -> str:
    """The slip of that number: before each character its deletion, every substitution and every insertion."""
    at, kind = divmod(number, 1 + 2 * len(alphabet))
    if kind == 0:
        return text[:at] + text[at + 1 :]
    character = alphabet[(kind - 1) % len(alphabet)]
    return text[:at] + character + text[at + (kind <= len(alphabet)) :]


def _slips(text: str, alphabet: str = ALPHABET) -> Iterator[str]:
    """Every slip; at the end of the text only insertions are left."""
    for number in range((1 + 2 * len(alphabet)) * (len(text) + 1)):
        slipped = _slip(text, number, alphabet)
        if slipped != text:
            yield slipped


def _rights(ruleset: Ruleset) -> Mapping[tuple[str, ...], int]:
    """How far each right reaches; the scope as one right, so that a wider one counts as more."""
    rights: dict[tuple[str, ...], int] = {}
    for (role, purpose, object_, action), verdict in decide(ruleset.rows).items():
        if object_.startswith("rows:") and action is Action.READ:
            consent = ruleset.register.purposes[purpose].consent_key
            rights[role, purpose, "rows"] = REACHES[object_.removeprefix("rows:")] if consent is None else 0
        else:
            rights[role, purpose, object_, action] = verdict.reach
    return rights


def _grants_more(slipped: Path, good: Ruleset) -> bool:
    """Loads the folder whole; a refusal grants nothing."""
    try:
        ruleset = read(slipped)
    except PolicyError:
        return False
    if ruleset.rows == good.rows and _consents(ruleset) == _consents(good):
        return False
    meant = _rights(good)
    return any(reach > meant.get(right, 0) for right, reach in _rights(ruleset).items())


def _consents(ruleset: Ruleset) -> Mapping[str, str | None]:
    return {purpose: entry.consent_key for purpose, entry in ruleset.register.purposes.items()}


def test_no_slip_in_a_line_of_the_policy_grants_more(shipped: Path, folder: Path) -> None:
    good = read(shipped)
    lines = (shipped / "policy.csv").read_text("utf-8").split("\n")[:-1]
    still_lines = []

    for number, line in enumerate(lines, start=1):
        for slipped in _slips(line):
            try:
                for part in slipped.split("\n"):
                    parse(part, number, good.register)
            except PolicyError:
                continue
            still_lines.append((number, slipped))

    for number, slipped in still_lines:
        (folder / "policy.csv").write_text("\n".join([*lines[: number - 1], slipped, *lines[number:]]) + "\n", "utf-8")
        assert not _grants_more(folder, good)
    assert {lines[number - 1].split(", ")[3] for number, _ in still_lines} == NEAR


@pytest.mark.parametrize(("file", "step"), [("policy.csv", 4999), ("register.toml", 499), ("model.conf", 17)])
def test_no_slip_in_a_file_grants_more(shipped: Path, folder: Path, file: str, step: int) -> None:
    good = read(shipped)
    text = (shipped / file).read_text("utf-8")

    for number in range(0, KINDS * (len(text) + 1), step):
        (folder / file).write_text(_slip(text, number), "utf-8")
        assert not _grants_more(folder, good), f"slip {number} in {file}"


def _reach_grows(slipped: str, good: Organisation) -> bool:
    """Whether anybody who was known before reaches more. A refusal reaches nobody."""
    try:
        found = _organisation(slipped)
    except PolicyError:
        return False
    return (
        found.own_stores_months > good.own_stores_months
        or bool(set(found.agreements) - set(good.agreements))
        or any(
            (store.region, store.handler) != (good.stores[name].region, good.stores[name].handler)
            for name, store in found.stores.items()
            if name in good.stores
        )
        or any(
            _acts(app) not in (NOBODY, _acts(good.apps[name])) for name, app in found.apps.items() if name in good.apps
        )
        or any(found.channels[name].handler != good.channels[name].handler for name in good.channels)
    )


def _organisation(text: str) -> Organisation:
    return organisations.check(organisations.toml(organisations.FILE, organisations.strict("", text.encode())))


def _acts(app: App) -> tuple[str, str]:
    """A role that the register does not know is nobody's: the app is refused at the door."""
    return (app.role, app.handler) if app.role in ROLES else NOBODY


def _three_stores(text: str) -> str:
    """The register with one store in each region: the others are alike, and it is read often."""
    head, *stores = text.split("\n\n[stores.")
    return (
        "\n\n[stores.".join([head, *(store for store in stores if store[:5] in ("SH001", "SH014", "SH027"))]).rstrip()
        + "\n"
    )


def test_no_slip_in_the_organisation_reaches_more(shipped: Path) -> None:
    lines = _three_stores((shipped / "organisation.toml").read_text("utf-8")).split("\n")
    good = _organisation("\n".join(lines))
    wanted = ("own_stores_months", "agreements", 'role = "app_checkout"', "handler", 'region = "east"', "[apps.crm]")
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if not line.startswith(wanted) or line in seen:
            continue
        seen.add(line)
        for slipped in _slips(line, ALPHABET + ("123456789" if "_months" in line else "")):
            text = "\n".join([*lines[:number], slipped, *lines[number + 1 :]])
            assert not _reach_grows(text, good), f"line {number + 1}: {slipped!r}"


def test_no_slip_anywhere_in_the_organisation_reaches_more(shipped: Path) -> None:
    good = organisations.load(shipped / "organisation.toml")
    text = (shipped / "organisation.toml").read_text("utf-8")

    for number in range(0, KINDS * (len(text) + 1), 97):
        assert not _reach_grows(_slip(text, number), good), f"slip {number}"


def test_a_wider_reach_would_be_noticed(shipped: Path) -> None:
    good = organisations.load(shipped / "organisation.toml")
    text = (shipped / "organisation.toml").read_text("utf-8")
    for old, new in [
        ("own_stores_months = 12", "own_stores_months = 24"),
        ('role = "app_checkout"', 'role = "app_crm"'),
        ('[stores.SH001]\nregion = "east"', '[stores.SH001]\nregion = "south"'),
    ]:
        assert old in text
        assert _reach_grows(text.replace(old, new), good)


def test_cases_grant_nothing(folder: Path, policies: Policies) -> None:
    (folder / "cases.csv").write_text("p, auditor, security_audit, member.name, read, clear\n", "utf-8")
    keys = {"marketing", "personalisation"}
    spoiled = Policies.load(folder, consent_keys=keys)
    (folder / "cases.csv").unlink()

    assert spoiled == Policies.load(folder, consent_keys=keys) == policies


def test_a_slip_in_a_case_never_lets_a_wrong_policy_pass(shipped: Path, policies: Policies) -> None:
    """Each slip of every 10th case, in whichever column: not loaded, not held, or as true as before."""
    lines = (shipped / "cases.csv").read_text("utf-8").split("\n")
    for number in range(1, len(lines) - 1, 10):
        for slipped in _slips(lines[number]):
            if "\n" in slipped:
                continue
            try:
                (case,) = cases.read(organisations.strict("cases.csv", f"{lines[0]}\n{slipped}\n".encode()))
            except PolicyError:
                continue
            if case.answer(policies) == case.expected != cases.NOT_ALLOWED:
                assert (case.role, case.purpose, case.action) == tuple(lines[number].split(",")[i] for i in (0, 1, 3))


def _near(word: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:.0123456789"
    for at in range(len(word) + 1):
        yield word[:at] + word[at + 1 :]
        for letter in letters:
            yield word[:at] + letter + word[at:]
            yield word[:at] + letter + word[at + 1 :]


def test_two_words_of_one_list_never_differ_by_one_character(policies: Policies) -> None:
    roles = frozenset(policies.register.roles)

    for words in (roles, PURPOSES, OBJECTS, ACTIONS, OUTCOMES, frozenset(register.CONSENT_KEYS)):
        for word in words:
            near = {slip for slip in _near(word) if slip in words} - {word}
            assert near <= NEAR - {word}, f"{word} is one slip from {near}"


def test_a_wider_grant_would_be_noticed(shipped: Path, folder: Path) -> None:
    good = read(shipped)
    text = (shipped / "policy.csv").read_text("utf-8")
    for old, new in [
        ("dpo, rights_handling, member.name, read, masked", "dpo, rights_handling, member.name, read, clear"),
        ("sales_associate, member_service, rows:own_stores", "sales_associate, member_service, rows:handler"),
    ]:
        assert old in text
        (folder / "policy.csv").write_text(text.replace(old, new), "utf-8")
        assert _grants_more(folder, good)


def test_every_row_scope_and_every_outcome_is_weighed() -> None:
    assert set(REACHES) == {str(scope) for scope in RowScope}
    assert {rows_object(RowScope(scope)) for scope in REACHES} <= OBJECTS
    assert sorted(verdict.reach for verdict in Verdict) == [0, 1, 2, 3]
    assert loader.POLICY == "policy.csv"
