"""From the signature to the decision: core/signature.py, claims.py, trust.py, verify.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_signature = partial(Mutant, "core/signature.py")
_claims = partial(Mutant, "core/claims.py")
_trust = partial(Mutant, "core/trust.py")
_verify = partial(Mutant, "core/verify.py")
_decision = partial(Mutant, "core/decision.py")
_contract = partial(Mutant, "verifier/http_contract.py")

_SIGNATURES: Final = "attacks/test_signature.py::"
_CLAIMS: Final = "attacks/test_claims.py::"
_VERIFY: Final = "core/test_verify.py::"
_RANGE: Final = (
    _SIGNATURES + "test_a10_numbers_out_of_range_are_refused",
    "core/test_signature.py::test_a10_ecdsa_numbers_are_above_zero_and_below_the_order",
)
_WRITTEN: Final = (
    "core/test_ecdsa_der.py::test_numbers_are_written_as_the_library_writes_them",
    "core/test_ecdsa_der.py::test_smallest_and_largest_numbers_are_written_correctly",
)
_BY_ANOTHER: Final = (_SIGNATURES + "test_signature_by_another_key_of_the_same_kind_is_refused",)
_SECOND: Final = (_CLAIMS + "test_times_are_checked_to_the_second",)
_TYPES: Final = (_CLAIMS + "test_c01_time_of_another_type_is_refused",)
_OUT_OF_RANGE: Final = (_CLAIMS + "test_c02_number_out_of_range_is_refused",)
_ISSUER: Final = (_CLAIMS + "test_c07_issuer_is_exactly_the_configured_one",)
_AUDIENCE: Final = (_CLAIMS + "test_c05_audience_is_or_contains_the_configured_one",)
_CLIENT: Final = (_CLAIMS + "test_c09_every_client_claim_present_must_be_the_configured_one",)
_BOUND: Final = tuple(
    f"attacks/test_bound_tokens.py::test_fl_04_{name}"
    for name in ("bound_token_is_refused_as_a_bearer_token", "escaped_claim_name_binds_too")
)
_SCOPE: Final = (_VERIFY + "test_scope_comes_from_scope_or_scp",)
_REFUSED: Final = ("attacks/test_entitlement.py::test_good_token_without_entitlement_is_refused",)
_ALIKE: Final = ("verifier/test_public_reasons.py::test_fj_01_made_up_token_is_answered_alike_for_all_organizations",)
_STORY: Final = (_VERIFY + "test_steps_refuse_in_order",)
_FORM: Final = "attacks/test_token_form.py::"
_KIND: Final = (_FORM + "test_t15_id_tokens_with_hashes_are_refused",)
_EVENTS: Final = (_FORM + "test_fa_05_t15_security_events_are_refused",)
_AT_HASH: Final = (_FORM + "test_fa_03_at_hash_is_accepted_with_type_or_audience",)
_EMPTY: Final = (_CLAIMS + "test_fc_02_empty_times_are_absent",)
_EMPTY_HASHES: Final = (_FORM + "test_fc_02_empty_hashes_do_not_mark_an_id_token",)
_LONG_PAST: Final = (_CLAIMS + "test_fa_02_zero_and_negative_times_are_in_the_past",)
_HOLDS: Final = (
    "verifier/test_token_cache.py::test_c04_what_is_remembered_ends_with",
    "verifier/test_token_cache.py::test_a_clock_that_was_set_back_makes_nothing_good_before",
)
_TOO_EARLY: Final = "            return Reason.TOKEN_NOT_YET_VALID"
_FROM_FUTURE: Final = "            return Reason.TOKEN_FROM_FUTURE"

MUTANTS: Final[tuple[Mutant, ...]] = (
    # Step 6.
    _signature("the verdict on a signature", " or not _is_valid(public_key, arguments)", "", _BY_ANOTHER),
    _signature("the library's no", "return False", "return True", _BY_ANOTHER),
    _signature("the call that verifies", "        public_key.verify(*arguments)\n", "        pass\n", _BY_ANOTHER),
    _signature("the length of an RSA signature", "if len(token.signature) != (public_key.key_size + 7) // 8:",
               "if False:", ("core/test_signature.py::test_a25_rsa_signature_has_the_length_of_the_modulus",)),
    _signature("PKCS #1 v1.5 where it is named", "if algorithm.scheme is Scheme.RSASSA_PKCS1:", "if False:",
               (_VERIFY + "test_good_token_is_allowed_with_every_algorithm",)),
    _signature("the length of PSS salts", "salt_length=algorithm.hash.digest_size", "salt_length=padding.PSS.AUTO",
               (_SIGNATURES + "test_a13_other_pss_parameters_are_refused",)),
    _signature("the hash of PSS masks", "padding.MGF1(algorithm.hash)", "padding.MGF1(ALGORITHMS['PS256'].hash)",
               (_VERIFY + "test_good_token_is_allowed_with_every_algorithm",)),
    _signature("the length of an ECDSA signature", "if len(signature) != 2 * size:", "if False:",
               ("core/test_signature.py::test_a11_ecdsa_signature_has_the_length_of_two_coordinates",)),
    _signature("the range of ECDSA's numbers",
               "if not (curve.zero < r < curve.order and curve.zero < s < curve.order):", "if False:", _RANGE),
    _signature("r above zero", "curve.zero < r < curve.order and", "r < curve.order and", _RANGE),
    _signature("r below the order", "curve.zero < r < curve.order and", "curve.zero < r and", _RANGE),
    _signature("s above zero", "and curve.zero < s < curve.order", "and s < curve.order", _RANGE),
    _signature("s below the order", "and curve.zero < s < curve.order", "and curve.zero < s", _RANGE),
    _signature("the zero before r", "_INTEGER if r[0] < _TOP_BIT else _INTEGER_AFTER_ZERO", "_INTEGER", _WRITTEN),
    _signature("the zero before s", "_INTEGER if s[0] < _TOP_BIT else _INTEGER_AFTER_ZERO", "_INTEGER", _WRITTEN),
    _signature("zeros left out before r", 'r.lstrip(b"\\0"), s', "r, s", _WRITTEN),
    _signature("zeros left out before s", 's.lstrip(b"\\0")', "s", _WRITTEN),
    _signature("the second form of a length", "if length < _TOP_BIT else", "if True else", _WRITTEN),
    _signature("the look at the key's kind", "if key.kty != algorithm.kty or key.variant != algorithm.variant:",
               "if False:", (_VERIFY + "test_key_that_contradicts_its_algorithms_is_undecidable",)),
    _signature("the length of an ML-DSA signature",
               "if len(token.signature) != PARAMETER_SETS[algorithm.name].signature_bytes:", "if False:",
               ("core/test_signature.py::test_a11_ml_dsa_signature_has_the_length_of_its_parameter_set",)),
    # Step 4, second half.
    *(
        _claims(f"the look for {name}", f'"{name}" in claims', "False", _KIND) for name in ("c_hash", "s_hash")
    ),
    _claims("hashes that are absent", "return None if absent else", "return", _EMPTY_HASHES),
    _claims("an access token that says so", "if says_access_token or not (", "if not (", _KIND),
    _claims("the look for security events", 'if "events" in claims and', "if False and", _EVENTS),
    _claims("events that are an object", 'isinstance(claims["events"], dict) and ', "",
            (_FORM + "test_t15_claims_that_access_tokens_share_are_accepted",)),
    _claims("events that are none", ' and claims["events"]:', ":",
            (_FORM + "test_t15_claims_that_access_tokens_share_are_accepted",)),
    # Step 8.
    _claims("the demand for exp", 'if expires_at == _NO_TIME and is_absent(claims.get("exp")):', "if False:", _SECOND),
    _claims("the end", "if not now < good_until:", "if False:", _SECOND),
    _claims("the second of the end", "if not now < good_until:", "if not now <= good_until:", _SECOND),
    _claims("the leeway at the end", "expires_at + leeway", "expires_at", _SECOND),
    _claims("the beginning", f"if not good_from <= now:\n{_TOO_EARLY}", f"if False:\n{_TOO_EARLY}", _SECOND),
    _claims("the second of the beginning", f"if not good_from <= now:\n{_TOO_EARLY}",
            f"if not good_from < now:\n{_TOO_EARLY}", _SECOND),
    _claims("the leeway at the beginning", "not_before - leeway", "not_before", _SECOND),
    _claims("the refusal of tokens from the future", f"if not good_from <= now:\n{_FROM_FUTURE}",
            f"if False:\n{_FROM_FUTURE}", _SECOND),
    _claims("the second of the future", f"if not good_from <= now:\n{_FROM_FUTURE}",
            f"if not good_from < now:\n{_FROM_FUTURE}", _SECOND),
    _claims("the leeway of the future", "issued_at - leeway", "issued_at", _SECOND),
    _claims("the later of two beginnings", "max(good_from, issued_at - leeway)", "issued_at - leeway", _HOLDS),
    _claims("a clock that shows a time", "if not now < good_until:", "if now >= good_until:",
            ("core/test_claims.py::test_no_token_is_valid_without_a_clock",)),
    _claims("the look at nbf", '_beginning(claims.get("nbf"))', "_ALWAYS", _SECOND),
    _claims("the look at iat", '_beginning(claims.get("iat"))', "_ALWAYS", _SECOND),
    _claims("beginnings of 1970 and before", "max(value, _ALWAYS)", "value or _NO_TIME", _LONG_PAST),
    _claims("beginnings below 2^53", "_NO_TIME if not value < MAX_TIME else ", "", _OUT_OF_RANGE),
    _claims("beginnings that are numbers", "return _ALWAYS if is_absent(value) else _NO_TIME", "return _ALWAYS",
            _TYPES),
    _claims("beginnings that are absent", "return _ALWAYS if is_absent(value) else _NO_TIME", "return _NO_TIME",
            _EMPTY),
    _claims("the refusal of what is no time", "if _NO_TIME in (expires_at, not_before, issued_at):", "if False:",
            _TYPES),
    _claims("times that are looked at, all three", "(expires_at, not_before, issued_at):", "(expires_at,):", _TYPES),
    _claims("the refusal of booleans as times", "(type(value) is int or", "(isinstance(value, int) or", _TYPES),
    _claims("times that are numbers", "(type(value) is int or type(value) is float) and",
            "type(value) is not bool and value is not None and", _TYPES),
    _claims("times above zero", "and 0 < value < MAX_TIME", "and value < MAX_TIME", _LONG_PAST),
    _claims("times below 2^53", "and 0 < value < MAX_TIME", "and 0 < value", _OUT_OF_RANGE),
    # Step 12.
    _claims("the refusal of bound tokens", "return Reason.TOKEN_BOUND", "return None", _BOUND),
    _claims("the setting that accepts bound tokens", "if accepts_bound_tokens or", "if",
            ("attacks/test_bound_tokens.py::test_fl_04_bound_token_is_accepted_if_the_registration_allows_it",)),
    _claims("a cnf that is absent", ' or is_absent(claims["cnf"]):', ":",
            ("attacks/test_bound_tokens.py::test_fl_04_fc_02_absent_cnf_binds_nothing",)),
    _claims("a cnf that is empty but present", 'is_absent(claims["cnf"])', 'not claims["cnf"]', _BOUND[:1]),
    # Steps 9 to 11.
    _claims("the issuer", "issuer if expected is ANY or issuer == expected else", "issuer if True else", _ISSUER),
    _claims("the exact issuer", "issuer == expected", "str(issuer).startswith(str(expected))", _ISSUER),
    _claims("the audience", "audience if is_expected or expected is ANY else", "audience if True else", _AUDIENCE),
    _claims("the exact audience", "and expected in audience", "and str(expected) in str(audience)", _AUDIENCE),
    _claims("the look for at_hash", '"at_hash" in claims and', "False and", _AT_HASH),
    _claims("at_hash with the expected audience", "not (is_expected or says", "not (says", _AT_HASH),
    _claims("at_hash in what says to be an access token", "(is_expected or says_access_token or ", "(is_expected or ",
            _AT_HASH),
    _claims("an absent at_hash", ' or is_absent(claims["at_hash"]))', ")", _EMPTY_HASHES),
    _claims("the refusal of a list that holds no texts alone", "return texts if len(texts) == len(audience) else ()",
            "return texts", _AUDIENCE),
    _claims("an audience that is one text", "if isinstance(audience, str):", "if False:", _AUDIENCE),
    _claims("an audience that is a list", "if not isinstance(audience, list):",
            "if not isinstance(audience, (list, dict)):", _AUDIENCE),
    _claims("the client", "    if expected is ANY or client == expected:", "    if True:", _CLIENT),
    _claims("a client that is not named",
            "Reason.CLIENT_MISSING if client is None and client_claim(claims) is None else ", "", _CLIENT),
    _claims("client claims that are absent", "if named is not None and not is_absent(named):", "if named is not None:",
            _CLIENT),
    _claims("the name of a client claim that is absent", "if name in claims and not is_absent(claims[name]):",
            "if name in claims:", _CLIENT),
    _claims("clients that agree", " or agreed not in (None, named)", "", _CLIENT),
    _claims("clients that are texts", "if not isinstance(named, str) or agreed", "if agreed",
            (_VERIFY + "test_claims_that_are_no_texts_are_not_passed_on", *_CLIENT)),
    *(
        _claims(f"the look at {name}", f'"{name}"', f'"no {name}"', _CLIENT) for name in ("client_id", "cid", "appid")
    ),
    _claims("scopes that are texts", "if isinstance(granted, str):", "if granted:", _SCOPE),
    _claims("scopes without blanks", ' and " " not in entry', "", _SCOPE),
    _claims("scp", 'granted = claims.get("scp")', "pass", _SCOPE),
    _claims("scp beside an empty scope", "if is_absent(granted):", 'if "scope" not in claims:', _SCOPE),
    _claims("texts where texts belong", "return value if isinstance(value, str) else None", "return value",
            (_VERIFY + "test_claims_that_are_no_texts_are_not_passed_on",)),
    # Steps 2, 5 and 7: what is known.
    _trust("the refusal of trust that is not understood", "isinstance(trust, NotUnderstood)", "False", _REFUSED),
    _trust("the refusal of strangers", "return Reason.ORGANIZATION_UNKNOWN", "pass", _REFUSED),
    _trust("suspension", "if trust.suspended:", "if False:", _REFUSED),
    _trust("a subscription", "subscription is None or ", "subscription is not None and ", _REFUSED),
    _trust("a subscription that is active", " or not subscription.is_active(now)", "", _REFUSED),
    _trust("an enabled server", "return Reason.NO_ENABLED_SERVER", "pass", _REFUSED),
    _verify("news that are fresh", "if not now < snapshot_good_until:", "if False:", _REFUSED),
    _verify("the second in which news grow old", "if not now < snapshot_good_until:",
                 "if not now <= snapshot_good_until:", _REFUSED),
    _verify("an age of the news", "if not now < snapshot_good_until:", "if now >= snapshot_good_until:",
                 _REFUSED),
    _trust("keys", "if server.keys else Reason.KEYS_MISSING", "", _REFUSED),
    _trust("keys that are fresh", "if not now < server.keys_good_until:", "if False:", _REFUSED),
    _trust("the second in which keys grow old", "if not now < server.keys_good_until:",
                 "if not now <= server.keys_good_until:", _REFUSED),
    _trust("the beginning of what holds", "return subscription.starts_at,", "return 0,", _HOLDS),
    _trust("the end of the subscription in what holds", "min(subscription.expires_at, server.keys_good_until)",
                 "server.keys_good_until", _HOLDS),
    _trust("the end of the keys in what holds", "min(subscription.expires_at, server.keys_good_until)",
                 "subscription.expires_at", _HOLDS),
    _verify("the token's beginning in what holds", "max(entitled_from, valid_from)",
            "entitled_from", _HOLDS),
    _verify("the trust's beginning in what holds", "max(entitled_from, valid_from)",
            "valid_from", _HOLDS),
    _verify("the token's end in what holds", "min(entitled_until, valid_until)",
            "entitled_until", _HOLDS),
    _verify("the trust's end in what holds", "min(entitled_until, valid_until)",
            "valid_until", _HOLDS),
    _trust("the first second of a subscription", "self.starts_at <= now", "self.starts_at < now",
           ("attacks/test_entitlement.py::test_subscription_is_valid_from_its_first_to_its_last_second",)),
    _trust("the beginning of a subscription", "self.starts_at <= now < self", "now < self", _REFUSED),
    _trust("the last second of a subscription", "now < self.expires_at", "now <= self.expires_at",
           ("attacks/test_entitlement.py::test_subscription_is_valid_from_its_first_to_its_last_second",)),
    _trust("the refusal of what got lost", "if not expected:", "if False:",
           (_CLAIMS + "test_c10_expected_value_cannot_be_empty_or_missing",)),
    *(
        _trust(f"that refusal for the {name}", f"self.{name},", "ANY,",
               (_CLAIMS + "test_c10_expected_value_cannot_be_empty_or_missing",))
        for name in ("issuer", "audience")
    ),
    _trust("that refusal for the client", ", self.client_id)", ", ANY)",
           (_CLAIMS + "test_c10_expected_value_cannot_be_empty_or_missing",)),
    # What callers see.
    _decision("one answer for what depends on the organization", "Reason.NO_MATCHING_KEY if self.step in",
              "self if self.step in", _ALIKE),
    _decision("one answer for a key that does not fit", "(KEY_STEP, SIGNATURE_STEP) else", "(SIGNATURE_STEP,) else",
              _ALIKE),
    _decision("one answer for a signature", "(KEY_STEP, SIGNATURE_STEP) else", "(KEY_STEP,) else", _ALIKE),
    _contract("the public reason in responses", "responses[reason.public]", "responses[reason]", _ALIKE),
    _verify("the order of header and organization", "return read if isinstance(read, Deny) else",
            "return (Deny(Reason.ORGANIZATION_UNKNOWN) if trust is None else read) if isinstance(read, Deny) else",
            _ALIKE),
    _verify("the order of signature and suspension", "basis = verifying_server(trust)",
            "basis = Reason.ORGANIZATION_SUSPENDED if trust and trust.suspended else verifying_server(trust)", _ALIKE),
    # The story.
    _verify("a deny for every fault in the headers", "except Exception:  # noqa: BLE001 - as below.",
            "except ZeroDivisionError:", (_VERIFY + "test_any_fault_of_our_own_is_a_deny",)),
    _verify("a deny for every fault", "except Exception:  # noqa: BLE001 - a fault",
            "except ZeroDivisionError:  # a fault", (_VERIFY + "test_fault_in_the_trust_is_a_deny",)),
    *(
        _verify(f"the denial for a bad {answer}", f"if type({answer}) is Reason:", "if False:", _STORY)
        for answer in (
            "written", "token", "algorithm", "basis", "key", "claims", "entitlement", "times", "issuer", "audience",
            "client_id",
        )
    ),
    _verify("the second half of step 4", "if kind is not None:", "if False:", _EVENTS),
    _verify("step 8", "check_times(claims, now, limits.leeway)", "check_times(claims, 1.0, 1e12)", _STORY),
    _verify("step 9", "check_issuer(claims, server.issuer)", "check_issuer(claims, ANY)", _STORY),
    _verify("step 10", "(claims, server.audience, ", "(claims, ANY, ", _STORY),
    _verify("step 11", "check_client(claims, server.client_id)", "check_client(claims, ANY)", _STORY),
    _verify("step 12", "if bound is not None:", "if False:", _STORY),
    _verify("the setting of step 12", "(claims, server.accepts_bound_tokens)", "(claims, True)", _STORY),
    _verify("the largest token", "max_token_bytes: int = 16_384", "max_token_bytes: int = 1 << 20",
            (_VERIFY + "test_limits_match_the_documents",)),
    _verify("the leeway", "leeway: int = 60", "leeway: int = 600",
            (_VERIFY + "test_limits_match_the_documents", *_SECOND)),
    _verify("the size that the caller sets", "text_of(authorization, limits.max_token_bytes)",
            "text_of(authorization, 16_384)", (_VERIFY + "test_limits_can_be_narrowed",)),
    _verify("the leeway that the caller sets", "(claims, now, limits.leeway)", "(claims, now, 60)",
            (_VERIFY + "test_limits_can_be_narrowed",)),
)  # fmt: skip
