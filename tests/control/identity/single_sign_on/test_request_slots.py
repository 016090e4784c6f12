"""Requests to identity providers at once: bounded for each issuer and for all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from watchword.control.identity.single_sign_on.request_slots import RequestSlots, SlotsTaken

ACME = "https://login.acme.example"
GLOBEX = "https://login.globex.example"
INITECH = "https://login.initech.example"


def is_free(slots: RequestSlots, issuer: str) -> bool:
    try:
        with slots.held(issuer):
            return True
    except SlotsTaken:
        return False


def test_one_issuer_does_not_take_the_slots_of_others() -> None:
    slots = RequestSlots(at_once=3, per_issuer=2, wait_seconds=0.01)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(slots.held(ACME))
        assert (is_free(slots, ACME), is_free(slots, GLOBEX)) == (False, True)
        held.enter_context(slots.held(GLOBEX))
        assert [is_free(slots, issuer) for issuer in (GLOBEX, INITECH)] == [False, False]
    assert is_free(slots, ACME)


def test_slot_is_free_again_after_a_failure() -> None:
    slots = RequestSlots(per_issuer=1, wait_seconds=0.01)
    with pytest.raises(RuntimeError), slots.held(ACME):
        raise RuntimeError
    assert is_free(slots, ACME)


def test_request_waits_for_a_slot() -> None:
    slots = RequestSlots(per_issuer=1, wait_seconds=60)
    begun = threading.Event()

    def wait() -> bool:
        begun.set()
        return is_free(slots, ACME)

    with ThreadPoolExecutor(1) as pool:
        with slots.held(ACME):
            waiting = pool.submit(wait)
            assert begun.wait(30)
        assert waiting.result(timeout=60)
