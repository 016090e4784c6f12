"""Second factors: control/identity/factors, of which webauthn.py, cose_keys.py, totp.py and rules.py are pure.

What the database decides, such as that a code works once, is shown by tests with Django and is not here.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_FACTORS: Final = "control/identity/factors/"
_webauthn = partial(Mutant, _FACTORS + "webauthn.py")
_cose_keys = partial(Mutant, _FACTORS + "cose_keys.py")
_totp = partial(Mutant, _FACTORS + "totp.py")
_rules = partial(Mutant, _FACTORS + "rules.py")

_W: Final = _FACTORS + "test_webauthn.py::"
_M: Final = _FACTORS + "test_malformed_passkeys.py::"
_REGISTRATION: Final = (_W + "test_lie_at_registration_is_refused",)
_ASSERTION: Final = (_W + "test_lie_at_assertion_is_refused",)
_MALFORMED: Final = (
    _M + "test_malformed_attestation_is_refused",
    _M + "test_malformed_key_and_extensions_are_refused",
)
_KEYS: Final = (_FACTORS + "test_cose_keys.py::test_other_and_weak_keys_are_refused",)
_VECTORS: Final = (_FACTORS + "test_totp.py::test_vectors_of_rfc_6238",)
_STEPS: Final = (_FACTORS + "test_totp.py::test_codes_of_one_step_before_and_after_are_accepted",)
_TYPED_CODE: Final = (_FACTORS + "test_totp.py::test_what_people_type",)
_TYPED_RECOVERY: Final = (_FACTORS + "test_rules.py::test_separators_and_case_do_not_matter",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    _webauthn("the bound on a response", "if len(response) > RESPONSE_MAX:", "if False:", _REGISTRATION),
    _webauthn("the credential's type", 'credential.get("type") != "public-key" or ', "", _ASSERTION),
    _webauthn("an object as response", " or not isinstance(members, dict):", ":", _ASSERTION),
    _webauthn("the bounds of a credential id", "not 1 <= len(credential_id) <= CREDENTIAL_ID_MAX or ", "",
              _REGISTRATION),
    _webauthn("one id of the credential", ' or credential.get("id") != credential["rawId"]:', ":", _ASSERTION),
    _webauthn("the type of client data", 'collected.get("type") != kind or ', "",
              (_W + "test_registration_is_no_assertion_and_the_reverse",)),
    _webauthn("the challenge", ' or collected.get("challenge") != challenge:', ":", _ASSERTION),
    _webauthn("the challenge's only spelling", 'collected.get("challenge") != challenge:',
              'str(collected.get("challenge")).rstrip("=") != challenge:', _ASSERTION),
    _webauthn("the origin", 'if collected.get("origin") != party.origin:', "if False:", _ASSERTION),
    _webauthn("the whole origin", 'if collected.get("origin") != party.origin:',
              'if not str(collected.get("origin")).startswith(party.origin):', _ASSERTION),
    _webauthn("the exact host", 'if collected.get("origin") != party.origin:',
              'if not str(collected.get("origin")).endswith(party.id):', _ASSERTION),
    _webauthn("the flag of embedded pages", 'collected.get("crossOrigin", False) is not False or ', "", _ASSERTION),
    _webauthn("a strict flag of embedded pages", 'collected.get("crossOrigin", False) is not False',
              'collected.get("crossOrigin", False) is True', _ASSERTION),
    _webauthn("the page around the page", ' or "topOrigin" in collected:', ":", _ASSERTION),
    _webauthn("the relying party", "if said.rp_id_hash != hashlib.sha256(party.id.encode()).digest():", "if False:",
              _ASSERTION),
    _webauthn("user presence", "not said.flags & _FLAG.UP or ", "", _ASSERTION),
    _webauthn("user verification", " or not said.flags & _FLAG.UV:", ":", _ASSERTION),
    _webauthn("the backup flags' consistency", "if said.flags & _FLAG.BS and not said.flags & _FLAG.BE:", "if False:",
              _ASSERTION),
    _webauthn("the client data of a registration",
              '    _check_client_data(_octets(members, "clientDataJSON"), CREATE, party, challenge)\n', "",
              _REGISTRATION),
    _webauthn("the client data of an assertion",
              "    _check_client_data(assertion.client_data, GET, party, challenge)\n", "", _ASSERTION),
    _webauthn("the authenticator's flags at a registration",
              "    _check_authenticator(attestation.auth_data, party)\n", "", _REGISTRATION),
    _webauthn("the authenticator's flags at an assertion", "    _check_authenticator(authenticator_data, party)\n", "",
              _ASSERTION),
    _webauthn("the attested credential", "made is None or ", "made is not None and ",
              (_W + "test_credential_must_be_attested_and_named_the_same",)),
    _webauthn("the attested id", " or base64url.encode(made.credential_id) != credential_id:", ":",
              (_W + "test_credential_must_be_attested_and_named_the_same",)),
    _webauthn("the user handle", "assertion.user_handle is not None and assertion.user_handle != user_handle:",
              "False:", (_W + "test_user_handle_of_another_person_is_refused",)),
    _webauthn("the refusal of an empty handle", "if assertion.user_handle is not None and",
              "if assertion.user_handle and", (_W + "test_user_handle_of_another_person_is_refused",)),
    _webauthn("the signature", "if not is_signed(public_key, signed, assertion.signature):", "if False:",
              (_W + "test_wrong_signature_is_refused",)),
    _webauthn("the signed client data", "assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()",
              "assertion.authenticator_data + hashlib.sha256(assertion.client_data[:0]).digest()",
              (_W + "test_honest_authenticators_are_believed",)),
    _webauthn("the refusal for every kind of malformed CBOR", "except Exception:", "except ValueError:", _MALFORMED),
    _cose_keys("the kernel's rules for keys", "not isinstance(admitted, SigningKey) or ",
               "isinstance(admitted, SigningKey) and ", _KEYS),
    _cose_keys("the search for weak keys", " or weak_keys.found((admitted.material,)):", ":", _KEYS),
    _cose_keys("ES256 alone for points of a curve", "case (2, ES256.ALGORITHM, 1, bytes(x), bytes(y)):",
               "case (2, _, 1, bytes(x), bytes(y)):", _KEYS),
    _cose_keys("P-256 alone", "case (2, ES256.ALGORITHM, 1, bytes(x), bytes(y)):",
               "case (2, ES256.ALGORITHM, _, bytes(x), bytes(y)):", _KEYS),
    _cose_keys("the key type of curves", "case (2, ES256.ALGORITHM, 1, bytes(x), bytes(y)):",
               "case (_, ES256.ALGORITHM, 1, bytes(x), bytes(y)):", _KEYS),
    _cose_keys("EdDSA alone for Ed25519", "case (1, EdDSA.ALGORITHM, 6, bytes(x), _):",
               "case (1, _, 6, bytes(x), _):", _KEYS),
    _cose_keys("Ed25519 alone", "case (1, EdDSA.ALGORITHM, 6, bytes(x), _):",
               "case (1, EdDSA.ALGORITHM, _, bytes(x), _):", _KEYS),
    _cose_keys("RS256 alone for RSA", "case (3, RS256.ALGORITHM, bytes(n), bytes(e), _):",
               "case (3, _, bytes(n), bytes(e), _):", _KEYS),
    _cose_keys("the key type of RSA", "case (3, RS256.ALGORITHM, bytes(n), bytes(e), _):",
               "case (_, RS256.ALGORITHM, bytes(n), bytes(e), _):", _KEYS),
    _cose_keys("the members that a key needs alone", "return cbor.encode(members)", "return cbor.encode(key)",
               (_FACTORS + "test_cose_keys.py::test_key_is_stored_with_its_own_members_only",)),
    _cose_keys("the end of a wrong signature", "        return False\n", "        return True\n",
               (_W + "test_wrong_signature_is_refused",)),
    _totp("six digits", "DIGITS: Final = 6", "DIGITS: Final = 8", _VECTORS),
    _totp("the sign bit that is cleared", "& 0x7FFFFFFF", "& 0xFFFFFFFF",
          (_FACTORS + "test_totp.py::test_vectors_of_rfc_4226",)),
    _totp("leading zeros", ".zfill(DIGITS)", "", _VECTORS),
    _totp("steps of thirty seconds", "PERIOD: Final = 30", "PERIOD: Final = 60", _VECTORS),
    _totp("the window of one step", "WINDOW: Final = 1", "WINDOW: Final = 2", _STEPS),
    _totp("the step after the present one", "present + WINDOW + 1)", "present + WINDOW)", _STEPS),
    _totp("the first step's beginning", "max(present - WINDOW, 0)", "present - WINDOW",
          (_FACTORS + "test_totp.py::test_code_of_the_first_step_ever",)),
    _totp("the bound on what is typed", 'if len(typed) <= _TYPED_MAX else ""', "", _TYPED_CODE),
    _totp("the refusal of other digits", "if not code.isascii():", "if False:", _TYPED_CODE),
    _totp("secrets of 160 bits", "SECRET_BYTES: Final = 20", "SECRET_BYTES: Final = 10",
          (_FACTORS + "test_totp.py::test_a_secret_has_160_bits_and_is_random",)),
    _rules("the bound on a typed recovery code", "if len(typed) > _TYPED_MAX:", "if False:", _TYPED_RECOVERY),
    _rules("the length of a recovery code", "len(code) != CODE_CHARACTERS or ", "", _TYPED_RECOVERY),
    _rules("the alphabet of recovery codes", " or not set(code) <= set(_ALPHABET):", ":", _TYPED_RECOVERY),
    _rules("characters that look alike", ".translate(_LOOKALIKES)", "", _TYPED_RECOVERY),
    _rules("120 bits", "_GROUPS: Final = 6", "_GROUPS: Final = 5",
           (_FACTORS + "test_rules.py::test_a_code_has_120_bits_in_groups",)),
    _rules("the hash of what is stored", 'return hashlib.sha256(code.replace("-", "").encode("ascii")).hexdigest()',
           'return code.replace("-", "")',
           (_FACTORS + "test_rules.py::test_hash_of_a_code_is_that_of_its_characters",)),
    _rules("names without blanks around them", "name != name.strip() or ", "",
           (_FACTORS + "test_rules.py::test_unreadable_names_of_passkeys",)),
    _rules("the bound on names", "len(name) > PASSKEY_NAME_MAX or ", "",
           (_FACTORS + "test_rules.py::test_unreadable_names_of_passkeys",)),
    _rules("visible characters in names", " or not is_printable(name):", ":",
           (_FACTORS + "test_rules.py::test_unreadable_names_of_passkeys",)),
)  # fmt: skip
