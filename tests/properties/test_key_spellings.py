"""Every spelling of a key gives the thumbprint and the decisions of its canonical form, and nothing else does."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from kit import acme, forge
from watchword.core.jwk import SigningKey, admit_key

KEYS = {alg: forge.key_for(alg, "k1") for alg in ("RS256", "ES256", "ES384", "ES512", "EdDSA", "ML-DSA-44")}
MATERIAL = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",), "AKP": ("pub",)}
NOTHING: tuple[object, ...] = (None, "", [])
EMPTY = st.dictionaries(
    st.sampled_from(["use", "key_ops", "d", "p", "q", "k", "oth", "x5c", "x5t", "ext"]), st.sampled_from(NOTHING)
)
SPELLINGS = st.tuples(st.integers(0, 40), st.booleans(), st.booleans())
CHARACTERS = "ABab01-_+/= \n\u00e9"


def spell(octets: bytes, standard: bool, padded: bool) -> str:  # noqa: FBT001 - drawn together.
    text = (b64encode if standard else urlsafe_b64encode)(octets).decode()
    return text if padded else text.rstrip("=")


@given(st.sampled_from(sorted(KEYS)), SPELLINGS, SPELLINGS, EMPTY)
def test_every_spelling_is_the_same_key(
    alg: str, first: tuple[int, bool, bool], second: tuple[int, bool, bool], empty: dict[str, object]
) -> None:
    jwk = KEYS[alg].jwk()
    for name, (zeros, standard, padded) in zip(MATERIAL[jwk["kty"]], (first, second), strict=False):
        octets = forge.unb64(jwk[name])
        if jwk["kty"] in ("RSA", "EC"):
            # Some leading zeros of a coordinate are removed, or more are added.
            octets = bytes(zeros) + octets.lstrip(b"\0")
        jwk[name] = spell(octets, standard, padded)
    (canonical,) = acme.keys(KEYS[alg])
    assert admit_key({**empty, **jwk}) == canonical


@given(st.sampled_from(sorted(KEYS)), st.data())
def test_changed_text_is_another_key_or_refused(alg: str, data: st.DataObject) -> None:
    jwk = KEYS[alg].jwk()
    name = data.draw(st.sampled_from(MATERIAL[jwk["kty"]]))
    text: str = jwk[name]
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text(CHARACTERS, max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    key = admit_key({**jwk, name: changed})
    (canonical,) = acme.keys(KEYS[alg])
    if isinstance(key, SigningKey) and key.thumbprint == canonical.thumbprint:
        bare = changed.rstrip("=").replace("+", "-").replace("/", "_")
        assert forge.b64(forge.unb64(bare)) == bare
        assert forge.unb64(bare).lstrip(b"\0") == forge.unb64(text).lstrip(b"\0")
        assert key == canonical
