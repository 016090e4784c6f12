"""Every reason for which a published key is ignored reaches the administrator as a sentence (W-01 to W-12)."""

from __future__ import annotations

import html

import pytest
from django.template.loader import render_to_string

from watchword.control.web.servers.presentation import shown
from watchword.core.jwk import IgnoredKey
from watchword.core.jwk_problems import KeyProblem
from watchword.jwks.findings import Findings, Outcome, Step, StepFinding
from watchword.jwks.problem import Problem

STEPS = tuple(StepFinding(step, Outcome.PASSED, 1, "Fine.") for step in Step)

ADVICE = {
    KeyProblem.PRIVATE_MEMBERS: "replace it",
    KeyProblem.USE_NOT_SIGNATURE: "set use to 'sig' or leave it out",
    KeyProblem.OPERATION_NOT_VERIFY: "add it or leave key_ops out",
    KeyProblem.RSA_TOO_SMALL: "2048 bits or more",
    KeyProblem.RSA_EXPONENT_INVALID: "exponent 65537",
    KeyProblem.RSA_ROCA: "CVE-2017-15361",
    KeyProblem.RSA_PRIMES_CLOSE: "another library",
    KeyProblem.RSA_PRIME_SHARED: "Replace both",
    KeyProblem.RSA_SMALL_FACTOR: "Export the public key again",
}


@pytest.mark.parametrize("problem", KeyProblem, ids=lambda problem: problem.code)
def test_ignored_key_is_shown_with_its_reason(problem: KeyProblem) -> None:
    findings = Findings(
        steps=STEPS,
        ignored=(IgnoredKey("key-2026", "RSA", problem), IgnoredKey(None, None, problem)),
        problem=Problem.NO_USABLE_KEY,
    )
    page = html.unescape(
        render_to_string(
            "servers/dialogs/validation.html", {"findings": shown(findings, "https://login.acme.example/keys")}
        )
    )
    assert "2 keys ignored" in page
    assert "key-2026" in page
    assert "no kid" in page
    assert page.count(problem.sentence) == 2
    assert ADVICE.get(problem, "") in problem.sentence


def test_kid_of_an_ignored_key_is_shown_as_text() -> None:
    findings = Findings(
        steps=STEPS,
        ignored=(IgnoredKey("<script>alert(1)</script>", "RSA", KeyProblem.RSA_TOO_SMALL),),
        problem=Problem.NO_USABLE_KEY,
    )
    page = render_to_string(
        "servers/dialogs/validation.html", {"findings": shown(findings, "https://login.acme.example/keys")}
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
