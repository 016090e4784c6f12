"""What an ID token says about the person: address, name and the claim that names roles."""

from __future__ import annotations

import pytest

from kit.id_tokens import accepted, id_token


@pytest.mark.parametrize("said", ["true", 1, "1", None, [True], False, "", ...])
def test_o08_only_true_verifies_an_address(said: object) -> None:
    assert not accepted(id_token(email_verified=said)).email_verified


@pytest.mark.parametrize("said", [True, 1, "1", "true"])
def test_o08_entra_id_says_so_by_another_claim(said: object) -> None:
    assert accepted(id_token(email_verified=..., xms_edov=said)).email_verified
    # What the provider denies in the standard claim, no other claim says.
    for denied in (False, None, "true"):
        assert not accepted(id_token(email_verified=denied, xms_edov=said)).email_verified


@pytest.mark.parametrize("said", [False, 0, 2, 1.0, "True", "yes", [True], None])
def test_o08_other_values_of_that_claim_say_nothing(said: object) -> None:
    assert not accepted(id_token(email_verified=..., xms_edov=said)).email_verified


@pytest.mark.parametrize("value", [..., None, "", 1, ["Alice"], "a" * 255, "Alice\u202e"])
def test_name_and_address_are_printable_texts_or_absent(value: object) -> None:
    found = accepted(id_token(email=value, name=value))
    assert (found.email, found.name) == (None, None)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("staff", ("staff",)),
        (["staff", "administrators"], ("staff", "administrators")),
        (["a"] * 200, ("a",) * 200),
        (["a"] * 201, None),
        (["staff", 1], None),
        (["staff", ""], None),
        (["staff", ["administrators"]], None),
        ({"staff": True}, None),
        (1, None),
        (False, None),
        ("", ()),
        (None, ()),
        ([], ()),
    ],
)
def test_claim_has_texts(value: object, texts: tuple[str, ...] | None) -> None:
    found = accepted(id_token(groups=value))
    assert found.texts("groups") == texts
    assert found.texts("roles") == ()
