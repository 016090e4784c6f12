"""The relying party's protocol: openid/provider.py, authorization.py, token_request.py and id_token.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_provider = partial(Mutant, "openid/provider.py")
_authorization = partial(Mutant, "openid/authorization.py")
_token_request = partial(Mutant, "openid/token_request.py")
_id_token = partial(Mutant, "openid/id_token.py")

_FOUND: Final = "openid/test_provider.py::"
_SENT: Final = "openid/test_authorization.py::"
_REDEEMED: Final = "openid/test_token_request.py::"
_VERIFIED: Final = "openid/test_id_token.py::"
_PERSON: Final = "openid/test_id_token_person.py::"

_OFFERED: Final = (_FOUND + "test_what_the_flow_needs_must_be_offered_if_a_list_is_given",)
_RULES: Final = (_FOUND + "test_o11_endpoints_that_this_service_calls_pass_the_address_rules",)
_STATE: Final = (_SENT + "test_o02_state_is_of_this_browsers_request",)
_CODE: Final = (_SENT + "test_response_without_a_usable_code_is_refused",)
_BASIC: Final = (_REDEEMED + "test_client_id_and_secret_are_encoded_before_basic",)
_OTHER: Final = (_REDEEMED + "test_other_answers_are_refused",)
_TIMES: Final = (_VERIFIED + "test_o04_times_are_required_and_near",)
_RECENT: Final = (_VERIFIED + "test_o07_recent_sign_in_must_be_shown_if_it_was_asked_for",)
_MAX_AGE: Final = (_VERIFIED + "test_o07_time_of_the_sign_in_is_within_what_was_asked_for",)
_PARTY: Final = (_VERIFIED + "test_o06_several_audiences_need_this_client_as_authorized_party",)
_SUBJECT: Final = (_VERIFIED + "test_subject_is_a_text",)
_EDOV: Final = (_PERSON + "test_o08_other_values_of_that_claim_say_nothing",)
_TEXTS: Final = (_PERSON + "test_claim_has_texts",)
_SHOWN: Final = (_PERSON + "test_name_and_address_are_printable_texts_or_absent",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # Discovery.
    _provider("the issuer that the document must name", "if named != issuer:", "if False:",
              (_FOUND + "test_o10_document_of_another_issuer_is_refused",)),
    _provider("the form of an issuer", "metadata_locations(issuer)",
              'metadata_locations(issuer.strip().replace("#", "?").partition("?")[0])',
              (_FOUND + "test_invalid_issuers_are_not_fetched",)),
    _provider("the refusal of sign-in pages", "if response.claims_html:", "if False:",
              (_FOUND + "test_sign_in_page_is_no_document",)),
    _provider("what the flow needs", "if not _offers(members, name, {value}):", "if False:", _OFFERED),
    _provider("a signature that can be verified",
              'if not _offers(members, "id_token_signing_alg_values_supported", set(ALGORITHMS)):', "if False:",
              _OFFERED),
    _provider("lists being lists", "isinstance(listed, list) and ", "", _OFFERED),
    _provider("the refusal of an endpoint with the request's parameters",
              "if not REQUEST_PARAMETERS.isdisjoint(name for name, _ in own_query):", "if False:",
              (_FOUND + "test_endpoint_must_not_bring_parameters_of_the_request",)),
    _provider("the parameters without a value", ", keep_blank_values=True", "",
              (_FOUND + "test_endpoint_must_not_bring_parameters_of_the_request",)),
    _provider("the form of an endpoint", "return https_url(members.get(name))", "return str(members.get(name))",
              (_FOUND + "test_endpoints_are_https_urls",)),
    _provider("the announcement by true alone",
              'members.get("authorization_response_iss_parameter_supported") is True',
              'bool(members.get("authorization_response_iss_parameter_supported"))',
              (_FOUND + "test_issuer_in_responses_is_announced_by_true",)),
    _provider("the address rules of the token endpoint", '("token_endpoint", provider.token_endpoint), ', "", _RULES),
    _provider("the address rules of the key set", ', ("jwks_uri", provider.jwks_location)', ",", _RULES),
    _provider("methods that this service knows", "raise _Unusable(NO_AUTHENTICATION)",
              "return TokenAuthentication.BASIC",
              (_FOUND + "test_client_authenticates_as_the_provider_offers",)),
    # The request and the response.
    _authorization("the random values", "base64url.encode(random(RANDOM_BYTES)) for", 'base64url.encode(b"a" * 32) for',
                   (_SENT + "test_each_request_has_its_own_random_values",)),
    _authorization("the number of random bits", "RANDOM_BYTES: Final = 32", "RANDOM_BYTES: Final = 8",
                   (_SENT + "test_each_request_has_its_own_random_values",)),
    _authorization("PKCE by a hash", '"code_challenge_method": "S256"', '"code_challenge_method": "plain"',
                   (_SENT + "test_url_has_every_parameter_once",)),
    _authorization("the endpoint's own query", "'&' if '?' in endpoint else '?'", "'?'",
                   (_SENT + "test_endpoint_keeps_its_own_query",)),
    _authorization("the state being silent in logs", "    state: str = field(repr=False)", "    state: str",
                   (_SENT + "test_each_request_has_its_own_random_values",)),
    _authorization("the verifier being silent in logs", "    verifier: str = field(repr=False)", "    verifier: str",
                   (_SENT + "test_each_request_has_its_own_random_values",)),
    _authorization("the refusal of a lost part", "if not all((", "if False and not all((",
                   (_SENT + "test_request_with_a_lost_part_is_an_error",)),
    _authorization("the refusal of repeated parameters", "if any(len(values) != 1 for values in parameters.values()):",
                   "if any(not values for values in parameters.values()):",
                   (_SENT + "test_o02_repeated_parameter_is_refused",)),
    _authorization("the comparison of the state",
                   'if not compare_digest(state.encode("utf-8", "replace"), request.state.encode("ascii")):',
                   "if False:", _STATE),
    _authorization("the need of a state", "    if not state:\n        return ResponseProblem.STATE_MISSING\n",
                   "    state = state or request.state\n", _STATE),
    _authorization("the state of an error", "    if problem is not None:\n",
                   '    if problem is not None and "error" not in only:\n', _STATE),
    _authorization("the provider that the request was sent to", "request.issuer != provider.issuer or ", "",
                   (_SENT + "test_o09_request_to_another_provider_is_not_answered_by_this_one",)),
    _authorization("the comparison of the issuer", ' or only.get("iss", provider.issuer) != provider.issuer', "",
                   (_SENT + "test_o09_response_of_another_provider_is_refused",)),
    _authorization("the need of the issuer that was announced",
                   'ResponseProblem.ISSUER_MISSING if provider.sends_issuer and "iss" not in only else None', "None",
                   (_SENT + "test_o09_response_of_another_provider_is_refused",)),
    _authorization("errors", 'if "error" in only:', 'if only.get("error") == "access_denied":',
                   (_SENT + "test_error_has_a_problem_without_the_providers_text",)),
    _authorization("the need of a code", "if 0 < len(code) <= MAX_CODE_LENGTH else",
                   "if len(code) <= MAX_CODE_LENGTH else", _CODE),
    _authorization("the longest code", "if 0 < len(code) <= MAX_CODE_LENGTH else", "if 0 < len(code) else", _CODE),
    # The code.
    _token_request("the verifier", '        "code_verifier": request.verifier,\n', "",
                   (_REDEEMED + "test_code_becomes_an_id_token",)),
    _token_request("the redirect URI", '        "redirect_uri": request.redirect_uri,\n', "",
                   (_REDEEMED + "test_code_becomes_an_id_token",)),
    _token_request("the encoding of the client ID", "{quote_plus(client_id)}", "{client_id}", _BASIC),
    _token_request("the encoding of the secret", "{quote_plus(secret)}", "{secret}", _BASIC),
    _token_request("the way that the provider wants the secret",
                   "if provider.authentication is TokenAuthentication.BASIC:", "if True:",
                   (_REDEEMED + "test_secret_is_sent_in_the_form_if_the_provider_wants_that",)),
    _token_request("the refusal of sign-in pages", "answer is None or response.claims_html", "answer is None",
                   (_REDEEMED + "test_answer_that_claims_to_be_a_page_is_refused",)),
    _token_request("the type of the token", ' or token_type.lower() != "bearer"', "", _OTHER),
    _token_request("token types in any case", "token_type.lower()", "token_type",
                   (_REDEEMED + "test_token_type_has_any_case",)),
    _token_request("an ID token that is none", "if not isinstance(id_token, str) or not id_token:",
                   "if not isinstance(id_token, str):", _OTHER),
    _token_request("the silence about other servers' statuses",
                   "return CodeRefused(TokenProblem.NOT_REACHED, Failure.HTTP_REFUSED)",
                   "return CodeRefused(TokenProblem.CLIENT_REFUSED)",
                   (_REDEEMED + "test_status_of_another_server_says_nothing",)),
    _token_request("other statuses being failures", "frozenset({200, 400, 401})",
                   "frozenset({200, 201, 400, 401, 403})",
                   (_REDEEMED + "test_other_statuses_are_failures_of_the_exchange",)),
    _token_request("the secret being silent in logs", "text: str = field(repr=False)", "text: str",
                   (_REDEEMED + "test_code_secret_and_answer_are_not_logged",)),
    _token_request("the refusal of a lost secret", "if not self.text:", "if False:",
                   (_REDEEMED + "test_lost_secret_is_an_error",)),
    _provider("the validation of the certificate", "verify_certificate=True", "verify_certificate=False",
              (_FOUND + "test_keys_are_fetched_over_a_validated_connection",)),
    # The ID token.
    _id_token("the refusal of lost expectations", "if not (issuer and client_id and nonce):", "if False:",
              (_VERIFIED + "test_lost_expectation_refuses_every_token",)),
    _id_token("the greatest length", " or len(text) > LIMITS.max_token_bytes", "",
              (_VERIFIED + "test_long_and_ambiguous_tokens_are_refused",)),
    _id_token("the refusal of access tokens", "if named_type is not None and named_type.lower() not in _TYPES:",
              "if False:", (_VERIFIED + "test_o05_other_types_are_refused",)),
    _id_token("types in any case", "named_type.lower() not in", "named_type not in",
              (_VERIFIED + "test_type_is_absent_or_jwt",)),
    _id_token("the signature", "return IdTokenProblem.SIGNATURE if isinstance(claims, Reason) else claims",
              "return SignedClaims(token.claims)", (_VERIFIED + "test_changed_claims_and_signature_are_refused",)),
    _id_token("the issuer", "if isinstance(check_issuer(claims, issuer), Reason):", "if False:",
              (_VERIFIED + "test_issuer_is_exact",)),
    _id_token("the audience", "    if isinstance(audience, Reason):\n        return IdTokenProblem.AUDIENCE\n",
              "    if isinstance(audience, Reason):\n        audience = ()\n",
              (_VERIFIED + "test_audience_is_the_client",)),
    _id_token("the authorized party", 'if claims["azp"] != client_id:', "if False:",
              (_VERIFIED + "test_o06_authorized_party_must_be_this_client",)),
    _id_token("the authorized party of several audiences", "elif len(audience) > 1:", "elif False:", _PARTY),
    _id_token("the nonce", 'not compare_digest(named.encode("utf-8"), nonce.encode("utf-8"))', "False",
              (_VERIFIED + "test_o03_nonce_is_of_this_request",)),
    _id_token("the need of a nonce", "not isinstance(named, str) or ", "named is not None and ",
              (_VERIFIED + "test_o03_nonce_is_of_this_request",)),
    _id_token("the need of a time of issue", "    if issued_at is None:\n        return IdTokenProblem.TIMES\n",
              "    issued_at = issued_at or int(now)\n", _TIMES),
    _id_token("the greatest age", "return None if now - issued_at <= MAX_AGE + leeway else IdTokenProblem.TOO_OLD",
              "return None", _TIMES),
    _id_token("the leeway of the greatest age", "<= MAX_AGE + leeway", "<= MAX_AGE",
              (_VERIFIED + "test_times_have_leeway",)),
    _id_token("the need of a sign-in's time", "if auth_time is None or not auth_time <= now + leeway:",
              "if auth_time is not None and not auth_time <= now + leeway:", _RECENT),
    _id_token("a sign-in from the future", " or not auth_time <= now + leeway", "", _RECENT),
    _id_token("the time since the sign-in", "if max_age is not None and not now - auth_time <= max_age + leeway:",
              "if False:", _RECENT),
    _id_token("a max_age of 0", "if problem is None and (auth_time_required or max_age is not None):",
              "if problem is None and (auth_time_required or max_age):", _RECENT),
    _id_token("the demand of a sign-in's time", "(auth_time_required or max_age is not None)", "max_age is not None",
              _MAX_AGE),
    _id_token("the type of a time", "(type(value) is int or type(value) is float) and value > 0",
              "isinstance(value, (int, float)) and value > 0",
              (_VERIFIED + "test_o07_time_of_the_sign_in_is_a_time",)),
    _id_token("a subject that is not empty", "not 0 < len(subject) <= MAX_SUBJECT_LENGTH",
              "not len(subject) <= MAX_SUBJECT_LENGTH", _SUBJECT),
    _id_token("the longest subject", "not 0 < len(subject) <= MAX_SUBJECT_LENGTH", "not subject", _SUBJECT),
    _id_token("a printable subject", " or not is_printable(subject)", "", _SUBJECT),
    _id_token("verified as true alone", 'return claims["email_verified"] is True',
              'return bool(claims["email_verified"])',
              (_PERSON + "test_o08_only_true_verifies_an_address",)),
    _id_token("what the provider denies", 'if "email_verified" in claims:', 'if claims.get("email_verified") is True:',
              (_PERSON + "test_o08_entra_id_says_so_by_another_claim",)),
    _id_token("Entra ID's claim as a number", "type(value) is int and value == 1", "value == 1", _EDOV),
    _id_token("Entra ID's claim as a text", 'value in {"1", "true"}', 'value.lower() in {"1", "true"}', _EDOV),
    _id_token("printable names", "<= max_length or not is_printable(value):", "<= max_length:", _SHOWN),
    _id_token("the longest name", "not 0 < len(value) <= max_length", "not value", _SHOWN),
    _id_token("the number of values", " or len(values) > MAX_VALUES", "", _TEXTS),
    _id_token("values that are texts", "return texts if len(texts) == len(values) else None", "return texts", _TEXTS),
    _id_token("claims being silent in logs", "_claims: SignedClaims = field(repr=False)", "_claims: SignedClaims",
              (_VERIFIED + "test_good_token_names_the_person",)),
)  # fmt: skip
