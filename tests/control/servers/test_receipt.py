from __future__ import annotations

from uuid import UUID

import pytest
from django.core import signing

from kit.forge import NOW
from watchword.control.servers.receipt import RECEIPT_SECONDS, Receipt, ReceiptRefused, issue, read

RECEIPT = Receipt(
    validation=UUID("5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11"),
    organization="acme",
    location="https://login.acme.example/keys?a=é",
    verify_certificate=False,
    ca_bundle_digest="",
    issued_at=NOW + 0.25,
)


def test_a_receipt_says_what_was_validated() -> None:
    assert read(issue(RECEIPT), now=NOW + 1) == RECEIPT


def test_a_receipt_is_valid_for_ten_minutes() -> None:
    text = issue(RECEIPT)
    assert read(text, now=NOW + RECEIPT_SECONDS) == RECEIPT
    with pytest.raises(ReceiptRefused) as refused:
        read(text, now=NOW + RECEIPT_SECONDS + 0.25)
    assert refused.value.expired


@pytest.mark.parametrize(
    "text",
    ["", "x", ":", "a:b", "a:b:c", "\ud800", "é", issue(RECEIPT)[:-1], issue(RECEIPT) + "x", "A" + issue(RECEIPT)],
)
def test_malformed_receipt_is_refused(text: str) -> None:
    with pytest.raises(ReceiptRefused) as refused:
        read(text, now=NOW)
    assert not refused.value.expired


def test_value_signed_for_another_purpose_is_refused() -> None:
    """The same secret signs sessions and messages; without a purpose of its own any of those might pass."""
    other = signing.dumps(["5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11", "acme", "https://x/", True, NOW])
    with pytest.raises(ReceiptRefused):
        read(other, now=NOW)
