"""The schema as it is committed: current, described, guarded where a declaration says so, breaking no client unseen."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    get_named_type,
)

from member_hub import resources
from member_hub.access import Operation
from member_hub.graphql import SDL_FILE, is_current, sdl
from member_hub.graphql.schema import core_schema
from member_hub.members.reading import member_t
from member_hub.privacy import ProfileField, declaration

FOLDER = resources.folder("schema")
OWN = [t for name, t in core_schema().type_map.items() if not name.startswith("__")]
WITH_FIELDS = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType


def test_the_committed_schema_is_current() -> None:
    assert is_current()
    assert (FOLDER / SDL_FILE).read_text("utf-8") == sdl()


def test_everything_is_described() -> None:
    without = [t.name for t in OWN if not t.description]
    for type_ in OWN:
        if isinstance(type_, WITH_FIELDS):
            without += [f"{type_.name}.{name}" for name, field in type_.fields.items() if not field.description]
            for name, field in type_.fields.items():
                arguments = getattr(field, "args", {})
                without += [f"{type_.name}.{name}({a})" for a, stated in arguments.items() if not stated.description]

    assert without == []


def test_every_field_of_the_profile_carries_the_directive_of_its_declaration() -> None:
    text = sdl()
    for field in ProfileField:
        declared = declaration(member_t.c[field.value])
        expected = f'{field.value}: GuardedText! @guarded(object: "{declared.guard}", mask: {declared.mask.name})'
        assert expected in text


def test_every_guarded_text_is_marked_but_the_one_whose_guard_varies() -> None:
    lines = [line.strip() for line in sdl().splitlines() if ": GuardedText!" in line]
    unmarked = [line for line in lines if "@guarded(" not in line]

    assert unmarked == ["value: GuardedText!"]  # ProfileValue: guarded as the field is that it belongs to


def test_every_operation_of_the_policy_is_a_root_field_or_a_command() -> None:
    schema = core_schema()
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    roots = {*schema.query_type.fields, *schema.mutation_type.fields}

    assert roots == {o.value for o in Operation} - {"rightsExport", "rightsErase"}


def test_denied_promises_no_more_than_rows_keep() -> None:
    """A row of the identifiers tells its kind, so only a field of the profile hides whether there is a value."""
    states = core_schema().type_map["FieldState"]
    assert states.description is not None
    denied = states.description.partition("DENIED, ")[2].partition("; ")[0]

    assert denied == (
        "nothing of the value is shown, nor, for a field of the profile, whether there is one "
        "(a row of `accounts` or `identifiers` stands, and only its value is DENIED)"
    )


def test_no_enumeration_is_empty_and_no_output_is_an_input() -> None:
    assert all(t.values for t in OWN if isinstance(t, GraphQLEnumType))
    outputs = [t for t in OWN if isinstance(t, GraphQLObjectType)]
    assert all(
        not isinstance(get_named_type(f.type), GraphQLInputObjectType) for t in outputs for f in t.fields.values()
    )


def test_no_breaking_change_goes_unlisted() -> None:
    released = max((FOLDER / "released").glob("*.graphql"), key=lambda file: _version(file.stem))
    listed = (FOLDER / "released" / "breaking.txt").read_text("utf-8").splitlines()

    changes = find_breaking_changes(build_schema(released.read_text("utf-8")), build_schema(sdl()))

    assert [change.description for change in changes] == listed


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
