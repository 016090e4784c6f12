"""Certificates of key servers and attached authorities: outbound/certificate.py, tls.py, ca_bundle.py and chain.py."""

from __future__ import annotations

from functools import partial
from typing import Final

from mutants.mutant import Mutant

_certificate = partial(Mutant, "outbound/certificate.py")
_tls = partial(Mutant, "outbound/tls.py")
_bundle = partial(Mutant, "outbound/ca_bundle.py")
_chain = partial(Mutant, "outbound/chain.py")

_ATTACHED: Final = "jwks/test_attached.py::"
_TEXT: Final = "outbound/test_ca_bundle.py::"
_NOT_SHARED: Final = ("outbound/test_transport.py::test_j24_own_trust_gets_its_own_context",)
_ATTACKS: Final = "attacks/test_fetching_certificates.py::"
_BAD: Final = (_ATTACKS + "test_bad_certificate_has_its_own_problem_and_gets_no_request",)
_J24: Final = (_ATTACKS + "test_j24_trust_of_one_registration_never_applies_to_another",)
_TELLING: Final = "attacks/test_fetching_telling.py::"
_J15: Final = (_TELLING + "test_j15_internal_port_shows_only_whether_tls_answers",)
_UNFIT: Final = (_TEXT + "test_unfit_authority_is_refused_with_the_reason", _TEXT + "test_dsa_authority_is_refused")
_ONLY: Final = (_TEXT + "test_other_text_between_certificates_is_refused",)
_NAMES: Final = ("outbound/test_certificate.py::test_issuer_is_shown_printable",)
_EXPIRED: Final = (_ATTACHED + "test_expired_attached_authority_is_the_reported_cause",)

MUTANTS: Final[tuple[Mutant, ...]] = (
    # The context of one fetch.
    _certificate("certificates being validated", "context.verify_mode = ssl.CERT_REQUIRED",
                 "context.check_hostname = False; context.verify_mode = ssl.CERT_NONE", _BAD),
    _certificate("the check of the host name", "context.check_hostname = True", "context.check_hostname = False", _BAD),
    _certificate("validation being the setting's", "    if verify_certificate:\n        if _system_store",
                 "    if True:\n        if _system_store", _BAD),
    _certificate("an attached authority staying out of the shared context",
                 "if verify_certificate and ca_bundle is None and", "if verify_certificate and", _NOT_SHARED),
    _certificate("validation that is off staying out of the shared context",
                 "if verify_certificate and ca_bundle is None and", "if ca_bundle is None and", _NOT_SHARED),
    _certificate("the hour", "int(time.monotonic() / SHARED_SECONDS)", "0",
                 ("outbound/test_transport.py::test_default_trust_shares_a_context_for_an_hour",)),
    _certificate("the operator's authorities", "if extra_authorities is not None:", "if False:",
                 ("jwks/test_probe.py::test_good_key_set_passes_all_steps",)),
    _certificate("the attached authority", "if ca_bundle is not None:", "if False:",
                 (_ATTACHED + "test_server_of_the_attached_root_is_accepted",)),
    _certificate("an attached intermediate being the end", "context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN",
                 "pass", (_ATTACHED + "test_attached_intermediate_does_not_trust_its_root",)),
    _certificate("TLS's farewell", "context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF",
                 "context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF",
                 ("attacks/test_fetching_answers.py::test_j11_large_and_broken_responses_are_refused",)),
    _certificate("TLS 1.2 as the least", "context.minimum_version = ssl.TLSVersion.TLSv1_2",
                 "context.minimum_version = ssl.TLSVersion.TLSv1",
                 ("outbound/test_transport.py::test_old_tls_is_refused",)),
    _certificate("HTTP/1.1 being asked for", 'context.set_alpn_protocols(["http/1.1"])', "pass",
                 (_ATTACKS + "test_only_http_1_1_is_offered",)),
    _certificate("a library that has no chain", "    except AttributeError:\n        return ()",
                 "    except ZeroDivisionError:\n        return ()",
                 (_ATTACHED + "test_library_without_chains_only_omits_the_chain",)),
    _certificate("soon", "timedelta(days=14)", "timedelta(days=15)",
                 ("outbound/test_certificate.py::test_soon_is_within_14_days",)),
    _certificate("bytes that are no certificate", 'return CertificateFacts("an unknown authority", None)', "raise",
                 ("outbound/test_certificate.py::test_malformed_certificate_has_no_names",)),
    _certificate("what is unprintable being left out", 'UNPRINTABLE.sub("", ", ".join(values))',
                 '", ".join(values)', _NAMES),
    _certificate("the greatest length of a name", "text[:_MAX_NAME_LENGTH]", "text", _NAMES),
    _certificate("the fingerprint's hash", "hashlib.sha256(der)", "hashlib.sha512(der)",
                 (_TEXT + "test_authority_can_be_attached",)),
    *(
        _certificate(f"the name of OpenSSL's error {code}", f"    {code}: Failure", f"    {code}00: Failure", killers)
        for code, killers in {
            9: _BAD, 10: _BAD, 18: _BAD, 20: _BAD, 64: _BAD,
            19: _J24,
            62: (_ATTACKS + "test_certificate_must_name_the_host_not_the_address",),
            2: ("outbound/test_certificate.py::test_openssl_errors_have_their_own_problem",),
            21: ("outbound/test_certificate.py::test_openssl_errors_have_their_own_problem",),
        }.items()
    ),
    # Setting TLS up.
    _tls("the authority counting only while certificates are validated",
         "if not settings.verify_certificate or settings.ca_bundle is None:", "if settings.ca_bundle is None:",
         (_ATTACHED + "test_authority_is_ignored_without_validation",)),
    _tls("the refusal of an authority that the rules no longer admit",
         "        raise ExchangeFailed(Failure.AUTHORITY_UNUSABLE) from None", "        return None",
         (_ATTACHED + "test_stored_authority_no_longer_admitted_trusts_no_server",)),
    _tls("the setting of this registration", "verify_certificate=settings.verify_certificate,\n        extra",
         "verify_certificate=False,\n        extra", _BAD),
    _tls("the host whose certificate it must be", "server_hostname=hostname", 'server_hostname="keys.acme.example"',
         ("attacks/test_fetching.py::test_j29_other_scripts_are_used_and_shown_in_ascii",)),
    _tls("what was presented", "now_utc()), presented=failed.presented) from None", "now_utc())) from None",
         (_ATTACHED + "test_server_of_another_authority_is_refused",)),
    _tls("the failure's name beside an attached authority", "failure_with(attached, failed, now_utc())",
         "failed.failure", _EXPIRED),
    _tls("the wait that hides what a port does", "            connecting.wait_out()\n", "", _J15),
    _tls("one name for any behaviour of a port", "raise ExchangeFailed(otherwise) from None",
         "raise ExchangeFailed(failed.failure) from None", _J15),
    _tls("the difference between a bad certificate and no TLS", '("certificate_", "authority_")', '("authority_",)',
         _BAD),
    _tls("the difference between an expired authority and no TLS", '("certificate_", "authority_")',
         '("certificate_",)', _EXPIRED),
    _tls("the failure of an internal server's certificate", "    return fail\n", "    return handshake\n", _BAD),
    _tls("the chain of an internal server", "raise ExchangeFailed(failure, presented=presented)",
         "raise ExchangeFailed(failure)", (_ATTACHED + "test_chain_offers_its_root",)),
    # What may be attached.
    _bundle("the refusal of private keys", "if holds_private_key(text):", "if False:",
               (_TEXT + "test_private_key_is_refused_and_not_repeated",)),
    _bundle("private keys in any case", ", re.IGNORECASE | re.ASCII)", ")",
               (_TEXT + "test_other_private_key_formats_are_refused",)),
    _bundle("private keys of PuTTY", "|PRIVATE-LINES", "", (_TEXT + "test_other_private_key_formats_are_refused",)),
    _bundle("the greatest length as it was typed", "if len(text) > MAX_CHARACTERS:", "if False:",
               (_TEXT + "test_too_long_text_is_refused_unread",)),
    _bundle("the greatest length in its usual form", "if len(ca_bundle.pem) > MAX_CHARACTERS:", "if False:",
               (_TEXT + "test_normalized_text_has_a_limit_too",)),
    _bundle("any certificate", 'if not bodies or _BLOCK.sub("", text).strip(_BLANKS):',
               'if _BLOCK.sub("", text).strip(_BLANKS):', _ONLY),
    _bundle("the refusal of what lies between", ' or _BLOCK.sub("", text).strip(_BLANKS)', "", _ONLY),
    _bundle("the greatest number", "if len(anchors) > MAX_CERTIFICATES:", "if False:",
               (_TEXT + "test_at_most_five_different_certificates",)),
    _bundle("one order", "for fingerprint in sorted(anchors)", "for fingerprint in anchors",
               (_TEXT + "test_equal_sets_have_the_same_text",)),
    _bundle("strict base64", "validate=True", "validate=False", (_TEXT + "test_damaged_certificate_is_refused",)),
    _bundle("the end of expired ones", "if anchor.expired(now):", "if False:",
               (_TEXT + "test_dates_are_checked_on_attaching",)),
    _bundle("those that are not valid yet", "if now < anchor.starts_at:", "if False:",
               (_TEXT + "test_dates_are_checked_on_attaching",)),
    _bundle("the second of the end", "return self.expires_at <= now", "return self.expires_at < now",
               (_TEXT + "test_dates_are_exact_to_the_second",)),
    _bundle("the refusal of version 1", "if certificate.version is not x509.Version.v3:", "if False:",
               (_TEXT + "test_version_1_certificate_is_refused",)),
    _bundle("the refusal of weak keys", "if not _is_strong(certificate.public_key()):", "if False:", _UNFIT),
    _bundle("the least size of RSA", "return _MIN_RSA_BITS <= key.key_size", "return key.key_size", _UNFIT),
    _bundle("the greatest size of RSA", " <= key.key_size <= _MAX_RSA_BITS", " <= key.key_size",
               (_TEXT + "test_too_large_key_is_refused",)),
    _bundle("the list of curves", "isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))", "True",
               _UNFIT),
    _bundle("Ed25519 as the only other kind", "return isinstance(key, ed25519.Ed25519PublicKey)", "return True",
               _UNFIT),
    _bundle("the refusal of weak signatures", "if not self_signed and _is_weakly_signed(certificate):", "if False:",
               (_TEXT + "test_other_outdated_signatures_are_refused",)),
    _bundle("the exception for old roots", "if not self_signed and _is_weakly_signed(certificate):",
               "if _is_weakly_signed(certificate):",
               (_TEXT + "test_roots_own_signature_may_be_outdated",)),
    _bundle("MD5 among the weak ones", "(MD5, SHA1)", "(SHA1,)",
               (_TEXT + "test_other_outdated_signatures_are_refused",)),
    _bundle("SHA-1 among the weak ones", "(MD5, SHA1)", "(MD5,)",
               (_TEXT + "test_other_outdated_signatures_are_refused",)),
    _bundle("an authority's right to sign", "return None if _may_sign_certificates(certificate) else",
               "return None if True else", _UNFIT),
    _bundle("the refusal of others' server certificates",
               "if self_signed and not _claims_to_sign_certificates(certificate):", "if True:", _UNFIT),
    _bundle("the refusal of a server certificate that signs",
               "if self_signed and not _claims_to_sign_certificates(certificate):", "if self_signed:", _UNFIT),
    _bundle("the signature of what is self-signed", "else was_issued_by(certificate, certificate)",
               "else certificate.issuer == certificate.subject",
               (_TEXT + "test_equal_names_do_not_make_a_certificate_self_signed",)),
    _bundle("the check of a signature", "certificate.verify_directly_issued_by(issuer)",
               "if certificate.issuer != issuer.subject: raise ValueError",
               (_ATTACHED + "test_unrelated_root_is_not_offered",
                _TEXT + "test_equal_names_do_not_make_a_certificate_self_signed")),
    # What was presented.
    _chain("the bound on certificates shown", "shown = presented[:MAX_SHOWN]", "shown = presented",
           (_ATTACHED + "test_long_chain_shows_eight_and_a_count",)),
    _chain("the bound on a certificate's size", "if len(der) > MAX_BYTES:", "if False:",
           (_ATTACHED + "test_huge_certificate_shows_only_its_fingerprint",)),
    _chain("a root that signatures lead to", "if was_issued_by(top, other)", "",
           (_ATTACHED + "test_unrelated_root_is_not_offered",)),
    _chain("the root being the top's", "if not is_self_signed(top):\n        return", "if False:\n        return",
           (_ATTACHED + "test_chain_without_root_names_the_missing_authority",)),
    _chain("an end of certificates that sign each other", "        others.remove(issuer)\n", "",
           (_ATTACHED + "test_certificates_that_sign_each_other_end_the_search",)),
    _chain("the rules for what may be offered", "ca_bundle.check_dates(now)", "pass",
           (_ATTACHED + "test_unfit_root_is_not_offered_and_has_a_reason",)),
    _chain("the name of a server of another authority",
           "return Failure.CERTIFICATE_OTHER_AUTHORITY", "return failed.failure",
           (_ATTACHED + "test_server_of_another_authority_is_refused",)),
    _chain("the attached authority's end as the reason", "return Failure.AUTHORITY_EXPIRED", "pass", _EXPIRED),
    _chain("the difference to a server that is itself expired",
           "if not any(other is not None and other.not_valid_after_utc <= now for other in others):", "if True:",
           (_ATTACHED + "test_expired_intermediate_is_reported_as_the_servers",
            _ATTACHED + "test_expired_server_certificate_is_still_refused")),
)  # fmt: skip
