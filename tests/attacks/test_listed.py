"""The list of attacks, each with the tests that try it; a test that is renamed or gone is missed here.

What is tried elsewhere than in this folder stands beside the part that keeps it out.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DETOURS = ("attacks/test_documents.py::test_no_detour_shows_what_is_denied",)
BY_PATH = (*DETOURS, "attacks/test_oracles.py::test_nothing_masked_comes_out_by_another_path")
TOKENS = (
    "sign_in/test_attacks.py::test_a_token_that_is_not_wholly_right_opens_nothing",
    "sign_in_codes/test_sessions.py::test_a_token_that_is_wrong_in_one_thing_is_refused",
)
LISTED = {
    "alias": (*BY_PATH, "attacks/test_oracles.py::test_an_operation_is_not_had_by_another_name"),
    "fragment": BY_PATH,
    "inline fragment": BY_PATH,
    "nested path": BY_PATH,
    "__typename": BY_PATH,
    "node(id)": (*BY_PATH, "graphql/test_scope.py::test_a_node_is_under_the_same_reach"),
    "batched keys": (
        *BY_PATH,
        "attacks/test_known_or_unknown.py::test_a_batch_tells_nothing_of_who_is_out_of_reach",
        "graphql/test_till.py::test_codes_work_among_other_keys_and_each_key_is_judged_alone",
    ),
    "filter oracles": (
        "attacks/test_oracles.py::test_each_filter_needs_its_right",
        "attacks/test_oracles.py::test_who_is_denied_a_field_learns_nothing_by_filtering",
        "attacks/test_oracles.py::test_no_filter_widens_anybodys_reach",
    ),
    "sort oracles": (
        "attacks/test_oracles.py::test_no_list_is_narrowed_or_ordered_by_what_reaches_a_person",
        "graphql/test_list.py::test_a_cursor_of_another_list_is_refused",
    ),
    "small groups": (
        "attacks/test_small_groups.py::test_no_table_names_a_small_group",
        "attacks/test_small_groups.py::test_no_filter_brings_a_small_group_out",
    ),
    "differences of groups": (
        "attacks/test_small_groups.py::test_a_region_less_its_stores_does_not_tell_what_is_left",
        "attacks/test_small_groups.py::test_all_members_less_the_two_genders_does_not_tell_the_five_without",
        "attacks/test_small_groups.py::test_one_member_more_does_not_show_in_the_week",
        "attacks/test_small_groups.py::test_in_a_week_no_other_question_measures_a_group_anew",
        "attacks/test_small_groups.py::test_asking_every_day_for_weeks_averages_nothing",
    ),
    "error texts": (
        "attacks/test_error_texts.py::test_no_error_repeats_what_was_sent",
        "graphql/test_documents.py::test_no_error_says_a_value",
    ),
    "known-or-unknown differences": (
        "attacks/test_known_or_unknown.py::test_a_key_tells_nothing_of_who_is_out_of_reach",
        "attacks/test_known_or_unknown.py::test_an_id_tells_nothing_of_who_is_out_of_reach",
        "attacks/test_documents.py::test_known_and_unknown_numbers_look_the_same_where_nobody_is_in_reach",
        "graphql/test_reveal.py::test_somebody_out_of_reach_and_nobody_are_refused_alike",
        "graphql/test_points_refused.py::test_nobody_and_somebody_out_of_reach_are_refused_alike",
        "graphql/test_points_given.py::test_who_cannot_get_any_is_not_found_whatever_the_reason",
        "graphql/test_act_approvals.py::test_who_approves_is_within_reach",
        "sign_in_codes/test_codes.py::test_known_unknown_and_junk_numbers_get_the_same_answer",
        "sign_in_codes/test_recycled.py::test_a_recycled_number_and_one_that_nobody_has_are_asked_the_same",
        "sign_in_codes/test_till.py::test_known_and_unknown_numbers_are_answered_alike",
    ),
    "loader leakage across requests": (
        "attacks/test_documents.py::test_callers_at_the_same_time_each_see_their_own",
        "graphql/test_till.py::test_the_view_holds_for_that_look_up_only",
        "graphql/test_reveal.py::test_a_reveal_changes_nothing_for_the_next_look",
    ),
    "without consent": (
        "graphql/test_consent_gate.py::test_marketing_finds_exactly_those_who_consented",
        "graphql/test_consent_gate.py::test_who_withdraws_while_a_list_is_paged_is_not_on_the_next_page",
        "graphql/test_consent_gate.py::test_an_app_that_asks_as_a_recipient_sees_whom_a_consent_names_it_to",
        "graphql/test_consent_processes.py::test_no_process_shows_who_has_withdrawn",
        "graphql/test_consented_fields.py::test_a_reveal_does_not_bring_it_out",
    ),
    "minors without an approval": (
        "graphql/test_minors.py::test_an_approval_that_is_not_quite_right_opens_nothing",
        "graphql/test_minors.py::test_a_field_of_a_minor_is_revealed_to_nobody_without_an_approval",
    ),
    "introspection beside data": (
        "attacks/test_documents.py::test_data_beside_introspection_is_under_the_same_rights",
        "attacks/test_addresses.py::test_nothing_about_anybody_is_asked_by_get",
    ),
    "one operation named another": (
        "attacks/test_documents.py::test_an_operation_is_what_it_does_and_not_what_it_is_called",
        "attacks/test_documents.py::test_a_mutation_hidden_beside_a_query_is_not_executed",
        "graphql/test_trusted.py::test_a_document_has_one_operation_and_another_name_is_none_of_it",
    ),
    "JWT with none": TOKENS,
    "HS256 by public key": (
        *TOKENS,
        "access/test_tokens.py::test_a_symmetric_signature_with_the_public_key_is_refused",
    ),
    "wrong audience": TOKENS,
    "ID token for access token": TOKENS,
    "header-supplied keys": (*TOKENS, "sign_in/test_attacks.py::test_no_address_that_a_token_names_is_ever_fetched"),
    "expired": (*TOKENS, "access/test_tokens.py::test_a_token_ends", "web/test_http.py::test_an_expired_token_is_401"),
    "rotated": (
        "sign_in/test_keys.py::test_a_key_that_was_taken_away_ends_when_the_keys_have_been_kept_long_enough",
        "sign_in/test_keys.py::test_another_key_under_an_old_name_replaces_it",
        "sign_in/test_openid_provider.py::test_the_provider_changes_its_keys",
        "sign_in_codes/test_sessions.py::test_a_rotated_key_is_believed_once_more_and_then_no_more",
    ),
    "unknown-kid flood": (
        "sign_in/test_keys.py::test_a_flood_of_unknown_kids_costs_the_issuer_one_request_per_cool_down",
    ),
    "60 nested fragments in 50 KB": (
        "attacks/test_documents.py::test_sixty_nested_fragments_are_refused_unexpanded",
        "graphql/test_documents.py::test_weighing_is_linear_in_the_document",
        "graphql/test_cost.py::test_pricing_is_linear_in_the_document",
        # under 50 ms: benchmarks/door.py
    ),
    "malformed UTF-8": (
        "attacks/test_documents.py::test_malformed_text_is_refused",
        "attacks/test_addresses.py::test_an_address_that_is_no_request_is_refused",
    ),
    "1, null": ("web/test_http.py::test_a_body_that_is_no_request_is_400",),
    "deep JSON": (
        "attacks/test_documents.py::test_deep_json_is_refused_and_breaks_nothing",
        "attacks/test_documents.py::test_deep_variables_are_refused_and_break_nothing",
        "attacks/test_documents.py::test_deep_values_in_a_document_are_refused_and_break_nothing",
        "access/test_tokens.py::test_a_token_nested_too_deep_is_refused_though_it_is_signed",
    ),
    "a slip in each column of each policy file": (
        "access/test_slips.py::test_no_slip_in_a_line_of_the_policy_grants_more",
        "access/test_slips.py::test_no_slip_in_a_file_grants_more",
        "access/test_slips.py::test_no_slip_in_the_organisation_reaches_more",
        "access/test_slips.py::test_no_slip_anywhere_in_the_organisation_reaches_more",
        "access/test_slips.py::test_a_slip_in_a_case_never_lets_a_wrong_policy_pass",
        "access/test_issuers.py::test_a_slip_of_one_character_gives_nobody_another_role",
    ),
    "an address": (
        "attacks/test_addresses.py::test_nothing_about_anybody_is_asked_by_get",
        "web/test_logs.py::test_a_server_that_listens_logs_nothing_of_an_address",
    ),
}


@pytest.mark.parametrize("attack", LISTED)
def test_every_attack_of_the_list_is_tried(attack: str) -> None:
    assert [test for test in LISTED[attack] if not _is_there(test)] == []


def _is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    defined = ast.parse((ROOT / file).read_text("utf-8")).body
    return name in {node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
