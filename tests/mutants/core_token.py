"""From the request to the key: core/bearer.py, compact.py, base64url.py, strict_json.py and header.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_bearer = partial(Mutant, "core/bearer.py")
_compact = partial(Mutant, "core/compact.py")
_verify = partial(Mutant, "core/verify.py")
_base64url = partial(Mutant, "core/base64url.py")
_json = partial(Mutant, "core/strict_json.py")
_binding = partial(Mutant, "core/key_binding.py")
_jwk = partial(Mutant, "core/jwk.py")
_header = partial(Mutant, "core/header.py")

_FORM: Final = "attacks/test_token_form.py::"
_KEYS: Final = "attacks/test_key_choice.py::"
_WORK: Final = "attacks/test_work.py::"
_ONE_TOKEN: Final = ("attacks/test_authorization.py::test_exactly_one_bearer_token_is_accepted",)
_NUMBER_OF_PARTS: Final = (_FORM + "test_t06_other_numbers_of_parts_are_malformed",)
_FOREIGN: Final = (_FORM + "test_t07_t08_t10_foreign_characters_are_refused",)
_CHOICE: Final = (_KEYS + "test_only_the_named_key_verifies",)
_STRICT: Final = ("attacks/test_token_json.py::test_header_and_claims_are_strict_json_objects",)
_NUMBERS: Final = ("attacks/test_claims.py::test_c02_invalid_number_refuses_the_token",)
_PROCESSING: Final = (_FORM + "test_header_that_asks_for_processing_is_refused",)
_DEPTH: Final = ("attacks/test_token_json.py::test_t05_nesting_of_32_is_accepted_without_brackets_in_texts",)
_EMPTY: Final = (
    "attacks/test_field_tokens.py::test_tokens_of_products_are_decided_as_listed",
    _FORM + "test_fa_04_t15_jwt_jws_and_access_token_types_are_accepted",
)
_OTHER_TYPE: Final = (_FORM + "test_t15_other_types_are_refused",)
_TYPE: Final = (_FORM + "test_fa_04_t15_jwt_jws_and_access_token_types_are_accepted",)
_AT_HASH: Final = (_FORM + "test_fa_03_at_hash_is_accepted_with_type_or_audience",)
_FITS: Final = ("attacks/test_algorithm.py::test_algorithm_must_fit_the_key",)
_SPELLINGS: Final = ("attacks/test_algorithm.py::test_a05_other_spellings_of_alg_are_refused",)
_BINDING: Final = "attacks/test_key_binding.py::"
_BOUND: Final = (_BINDING + "test_fl_03_issuer_of_the_token_must_match_the_binding",)
_OTHER_ISSUERS: Final = (_BINDING + "test_fl_03_key_with_an_invalid_issuer_is_ignored",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # Step 1.
    _bearer("the demand for a header", "if not authorization:", "if False:", _ONE_TOKEN),
    _bearer("the refusal of a second header", "if len(authorization) > 1:", "if False:", _ONE_TOKEN),
    _bearer("the scheme", 'if scheme != "Bearer" and scheme.lower() != "bearer":', "if False:", _ONE_TOKEN),
    _bearer("the scheme in any case", ' and scheme.lower() != "bearer"', "", _ONE_TOKEN),
    _bearer("the difference between another scheme and none", "_SCHEME.fullmatch(scheme) is not None", "True",
            _ONE_TOKEN),
    _bearer("the difference between another scheme and a token alone", "separator and ", "", _ONE_TOKEN),
    _bearer("spaces that are no part of a token", 'rest.lstrip(" ")', "rest", _ONE_TOKEN),
    _bearer("the largest token", "if len(token) <= max_bytes else", "if True else",
            (_FORM + "test_t03_size_is_bounded_before_anything_is_read",)),
    _bearer("a token of exactly the limit", "if len(token) <= max_bytes else", "if len(token) < max_bytes else",
            (_FORM + "test_t03_limit_is_exact",)),
    _bearer("the refusal of quotes and commas", "b'\",'", "b''", _ONE_TOKEN),
    _bearer("the demand for a token", "if not written or ", "if ", _ONE_TOKEN),
    _bearer("the characters of a token", " or written.translate(None, _CHARACTERS)", "", _ONE_TOKEN),
    # Step 3: the form.
    _compact("the least number of parts", "if not dot or _DOT", "if _DOT", _NUMBER_OF_PARTS),
    _compact("the greatest number of parts", " or _DOT in claims_part", "",
             (_FORM + "test_other_serializations_are_not_read",)),
    _compact("the refusal of broken base64url", "except Base64urlRefused:", "except ValueError:", _FOREIGN),
    _header("the refusal of a kid that is no text",
            "elif not isinstance(kid, str):", "elif False:",
            (_KEYS + "test_a16_kid_that_is_not_a_text_is_refused",)),
    _header("an empty kid being none", "if is_absent(kid):", "if kid is None:", _EMPTY),
    _header("an empty type being none", "if is_absent(typ):", "if typ is None:", _EMPTY),
    _json("null being absent", "value is None or ", "", _EMPTY),
    _json("an empty text being absent", 'value == "" or ', "", _EMPTY),
    _json("an empty list being absent", " or value == []", "", _EMPTY),
    _compact("the claims in what is signed", "claims, signing_input, signature)", "claims, header_part, signature)",
             ("core/test_verify.py::test_good_token_is_allowed_with_every_algorithm",)),
    _compact("the reason for a header of broken JSON", "        return Reason.HEADER_MALFORMED",
             "        raise", _STRICT),
    _compact("the reason for claims of broken JSON", "        return Reason.CLAIMS_MALFORMED",
             "        raise", _STRICT),
    _compact("the refusal of a header", "        if type(header) is Reason:", "        if False:", _STRICT),
    _compact("the bound on a header that is remembered", "if len(part) <= _MAX_CACHED_HEADER", "if True",
             (_WORK + "test_longer_headers_are_not_remembered",)),
    _compact("the bound on headers remembered", "maxsize=_CACHED_HEADERS", "maxsize=None",
             (_WORK + "test_remembered_headers_are_few_and_small",)),
    _base64url("zero in unused bits", "if written and written[-1] not in _LAST[over]:", "if False:",
               (_FORM + "test_t09_unused_bits_of_the_last_character_must_be_zero", *_FOREIGN)),
    _base64url("zero in four unused bits", "_ALPHABET[::16]", "_ALPHABET[::4]",
               (_FORM + "test_t09_unused_bits_of_the_last_character_must_be_zero",)),
    _base64url("zero in two unused bits", "_ALPHABET[::4])", "_ALPHABET[::2])",
               (_FORM + "test_t09_unused_bits_of_the_last_character_must_be_zero",)),
    _base64url("the refusal of the standard alphabet", 'b"-_+/=", b"+/!!!"', 'b"-_=", b"+/!"', _FOREIGN),
    _base64url("the refusal of foreign characters", "strict_mode=True", "strict_mode=False", _FOREIGN),
    _base64url("the refusal of other scripts", "except UnicodeEncodeError:", "except ZeroDivisionError:",
               ("attacks/test_key_material.py::test_w02_invalid_numbers_are_ignored",)),
    # Step 3: JSON.
    _json("UTF-8 as the only encoding", 'octets.decode("utf-8")', "octets.decode(json.detect_encoding(octets))",
          _STRICT),
    _json("the refusal of a byte order mark", 'octets.decode("utf-8")', 'octets.decode("utf-8-sig")', _STRICT),
    _json("the refusal of bytes that are no text", 'octets.decode("utf-8")', 'octets.decode("utf-8", "replace")',
          _STRICT),
    _json("white space as RFC 8259 has it", ".strip(_WHITESPACE)", ".strip()", _STRICT),
    _json("the end of the text", "if end != len(text) or not", "if not", _STRICT),
    _json("an object at the top", " or not isinstance(value, dict):", ":", _STRICT),
    _json("the refusal of half a surrogate pair", 'if "\\\\" in text and "\\\\u" in text:', "if False:", _STRICT),
    _json("the greatest depth", "_check_depth(octets)\n        value", "pass\n        value", _STRICT),
    _json("a depth of exactly the limit", "if depth > MAX_DEPTH:", "if depth >= MAX_DEPTH:", _DEPTH),
    _json("brackets being closed again", "depth -= 1", "pass", _DEPTH),
    _json("the limit being 32", "MAX_DEPTH: Final = 32", "MAX_DEPTH: Final = 33", _STRICT),
    _json("brackets in texts not being counted", '_STRING.sub(b"", octets)', "octets", _DEPTH),
    _json("the refusal of duplicate names", "if len(members) != len(pairs):", "if False:",
          ("attacks/test_token_json.py::test_t13_repeated_claim_is_refused",)),
    _json("the greatest length of an integer",
          "def _integer(text: str) -> int:\n    if len(text) > MAX_NUMBER_LENGTH:",
          "def _integer(text: str) -> int:\n    if False:",
          ("core/test_strict_json.py::test_numbers_have_a_length_limit",)),
    _json("the greatest length of a fraction",
          "def _float(text: str) -> float:\n    if len(text) > MAX_NUMBER_LENGTH:",
          "def _float(text: str) -> float:\n    if False:",
          ("core/test_strict_json.py::test_numbers_have_a_length_limit",)),
    _json("the refusal of what overflows", "if not math.isfinite(number):", "if False:", _NUMBERS),
    _json("the refusal of NaN and Infinity", ", parse_constant=_constant", "", _NUMBERS),
    _json("the refusal of control characters in texts", "strict=True", "strict=False", _STRICT),
    # Step 4.
    _header("the table of algorithms", "if algorithm is None:", "if algorithm is None and alg is not None:",
            _SPELLINGS),
    _header("an alg that is a text", "ALGORITHMS.get(alg) if isinstance(alg, str) else None", "ALGORITHMS.get(alg)",
            _SPELLINGS),
    _header("the exact spelling of alg", "ALGORITHMS.get(alg)", "ALGORITHMS.get(alg.strip().upper())", _SPELLINGS),
    _header("the refusal of special processing", "if not REFUSED_MEMBERS.isdisjoint(members):", "if False:",
            _PROCESSING),
    *(
        _header(f"the refusal of {member}", f'"{member}"', f'"no {member}"', _PROCESSING)
        for member in ("crit", "b64")
    ),
    _header("the kind of token", "Reason.TYPE_NOT_ACCEPTED if typ is None else algorithm", "algorithm", _OTHER_TYPE),
    _header("a kind that is a text", "not isinstance(typ, str) or ", "", _OTHER_TYPE),
    _header("the kind in any case", "typ.lower().remove", "typ.remove", _TYPE),
    _header("the kind as a whole media type", ".removeprefix(_MEDIA)", "", _TYPE),
    _header("the table of kinds", "name if name in ACCEPTED_TYPES else None", "name", _OTHER_TYPE),
    _header("an access token saying so", "typ == ACCESS_TOKEN", "False", _AT_HASH),
    _header("a JWT not saying that it is an access token", "typ == ACCESS_TOKEN", "True", _AT_HASH),
    # Step 5.
    _header("one key being meant", "if len({key.thumbprint for key in fitting}) > 1:", "if False:", _CHOICE),
    _header("one key under two kids being one", "{key.thumbprint for key in fitting}", "fitting",
            (_KEYS + "test_a19_one_key_published_under_two_kids_is_still_one_key",)),
    _header("the algorithm fitting a key that is not named",
            "fitting = [key for key in keys if algorithm.name in key.algorithms]", "fitting = list(keys)",
            (*_CHOICE, _KEYS + "test_a19_no_kid_with_exactly_one_fitting_key_is_accepted")),
    _header("the name of a key that is named", "if key.kid == kid and algorithm.name in key.algorithms and",
            "if algorithm.name in key.algorithms and", _CHOICE),
    _header("the algorithm fitting a key that is named", "if key.kid == kid and algorithm.name in key.algorithms and",
            "if key.kid == kid and", _FITS),
    _header("the difference between an unknown key and one for another algorithm",
            "if named and not any(algorithm.name in key.algorithms for key in named):", "if False:", _FITS),
    _header("the difference between a key for another algorithm and one for another issuer",
            "if named and not any(algorithm.name in key.algorithms for key in named):", "if named:", _BOUND),
    _header("the issuer of a key that is named", "in key.algorithms and _is_for(key, claims):", "in key.algorithms:",
            _BOUND),
    _header("the issuer of a key that is not named", "for key in fitting if _is_for(key, claims))",
            "for key in fitting)", _BOUND),
    _header("keys that are bound to no issuer", "return key.issuer is None or key_binding", "return key_binding",
            ("core/test_verify.py::test_good_token_is_allowed_with_every_algorithm",)),
    _verify("known kids not being reported", " and all(key.kid != kid for key in keys)", "", _BOUND),
    _binding("a tenant that is a text", "not isinstance(tenant, str) or _TENANT.fullmatch(tenant) is None",
             "isinstance(tenant, str) and _TENANT.fullmatch(tenant) is None", _BOUND),
    _binding("the form of a tenant", "or _TENANT.fullmatch(tenant) is None", "or not tenant", _BOUND),
    _binding("the tenant of the token", "issuer.replace(_TENANT_ID, tenant)", "issuer", _BOUND),
    _binding("the issuer itself", "return claimed == issuer or (", "return (", _BOUND),
    _binding("older issuers", " or (claimed is not None and claimed == _older(issuer))", "", _BOUND),
    _binding("tokens without an issuer", "(claimed is not None and claimed == _older(issuer))",
             "claimed == _older(issuer)", _BOUND),
    _binding("the end of an issuer with an older one", 'issuer == f"{begins}{tenant}{_VERSION_2}" and ', "", _BOUND),
    _binding("the tenant of an older issuer", '}" and _TENANT.fullmatch(tenant) is not None:', '}":', _BOUND),
    _binding("the host of an older issuer", 'return f"{older}{tenant}/"', 'return f"https://sts.windows.net/{tenant}/"',
             _BOUND),
    _binding("bindings that are texts", "if not isinstance(value, str):", "if False:", _OTHER_ISSUERS),
    _binding("texts that are no URI", 'if ":" not in value:', "if False:",
             (_BINDING + "test_fl_03_issuer_that_is_no_uri_is_ignored",)),
    _binding("the greatest length of an issuer", "len(value) > MAX_ISSUER_LENGTH or ", "", _OTHER_ISSUERS),
    _binding("an issuer of exactly the greatest length", "> MAX_ISSUER_LENGTH or", ">= MAX_ISSUER_LENGTH or",
             (_BINDING + "test_fl_03_binding_is_stored_with_the_key",)),
    _binding("printable issuers", " or not is_printable(value)", "", _OTHER_ISSUERS),
    _jwk("the binding that travels", '"issuer": self.issuer, ', "",
         (_BINDING + "test_fl_03_binding_is_stored_with_the_key",)),
    _verify("the report of an unknown kid", "kid if unknown else None", "None",
            (_KEYS + "test_m10_unknown_kid_is_reported",)),
    _verify("the silence about kids that no key can have", " and is_kid(token.header.kid) else", " else",
            (_KEYS + "test_j16_kid_that_no_key_can_have_is_not_reported",)),
    _verify("the silence about kids that are known", "reason is Reason.NO_MATCHING_KEY and ", "",
            ("attacks/test_token_form.py::test_t21_refusal_contains_only_an_unknown_kid",)),
)  # fmt: skip
