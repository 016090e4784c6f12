"""The answers of kernel, feed documents and address rules to unusual inputs, as text.

`python -m kit.odd_answers` reads questions on stdin and answers on stdout, so that two interpreters can be compared.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

from watchword.core.bearer import characters_of, text_of
from watchword.core.decision import Allow, Reason
from watchword.core.header import read_header
from watchword.core.jwk import KeySetRefused, admit, is_kid
from watchword.core.strict_json import JsonRefused, parse_object
from watchword.core.verify import verify_token
from watchword.feed import FeedRefused, decode_page, decode_trust, encode_page, encode_trust
from watchword.outbound.address import LocationRefused, parse_location

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK: Final = 4_096
Question = tuple[str, object]


def _kids(first: object) -> object:
    """Which characters of a block a kid may hold, one bit each."""
    assert isinstance(first, int)
    return "".join("01"[is_kid(f"a{chr(number)}")] for number in range(first, first + BLOCK))


def _types(first: object) -> object:
    """Before, within and behind which characters of a block a header's `typ` is accepted."""
    assert isinstance(first, int)
    characters = [chr(number) for number in range(first, first + BLOCK)]
    texts = [text for one in characters for text in (f"{one}WT", f"{one}at+jwt", f"at+{one}wt", f"JWT{one}")]
    headers = [read_header({"alg": "RS256", "typ": text}) for text in texts]
    return [text for text, header in zip(texts, headers, strict=True)
            if not isinstance(header, Reason) and not isinstance(header.algorithm, Reason)]  # fmt: skip


def _schemes(first: object) -> object:
    """The same of the scheme, and of blanks around the token."""
    assert isinstance(first, int)
    characters = [chr(number) for number in range(first, first + BLOCK)]
    texts = [
        text for one in characters for text in (f"{one}earer t", f"Bearer{one}t", f"Bearer {one}t", f"Bearer t{one}")
    ]
    return [text for text in texts if not isinstance(_token(text), Reason)]


def _token(header: str) -> bytes | Reason:
    text = text_of((header,), 100)
    return text if isinstance(text, Reason) else characters_of(text)


def _json(document: object) -> object:
    assert isinstance(document, str)
    try:
        return parse_object(document.encode("latin-1"))
    except JsonRefused:
        return "refused"


def _key_set(document: object) -> object:
    assert isinstance(document, str)
    try:
        keys = admit(document.encode("latin-1"))
    except KeySetRefused as refused:
        return [refused.problem.code, [key.problem.code for key in refused.ignored]]
    return [[[key.thumbprint, key.to_jwk()] for key in keys.keys],
            [[key.kid, key.kty, key.problem.code] for key in keys.ignored]]  # fmt: skip


def _trust(document: object) -> object:
    try:
        return encode_trust(decode_trust(document))
    except FeedRefused as refused:
        return f"{type(refused).__name__}: {refused}"


def _page(document: object) -> object:
    try:
        return encode_page(decode_page(document))
    except FeedRefused as refused:
        return f"{type(refused).__name__}: {refused}"


def _decision(question: object) -> object:
    assert isinstance(question, list)
    token, document, now = question
    decision = verify_token(token, decode_trust(document), now=now, snapshot_good_until=now + 1, cloud_name="c")
    if isinstance(decision, Allow):
        return ["allowed", *decision]
    reason: Reason = decision.reason
    return [reason.code, decision.unknown_kid, decision.profile]


def _location(text: object) -> object:
    assert isinstance(text, str)
    try:
        location = parse_location(text)
    except LocationRefused as refused:
        return refused.failure.value
    return [location.host, location.port, location.target]


_ANSWERS: dict[str, Callable[[object], object]] = {
    "kids": _kids,
    "types": _types,
    "schemes": _schemes,
    "json": _json,
    "key set": _key_set,
    "trust": _trust,
    "page": _page,
    "decision": _decision,
    "location": _location,
}


def answers_to(questions: list[Question]) -> list[object]:
    answers: list[object] = json.loads(json.dumps([_ANSWERS[kind](question) for kind, question in questions]))
    return answers


def main() -> None:
    answers = answers_to(json.load(sys.stdin))
    json.dump({"version": sys.version_info[:2], "unicode": unicodedata.unidata_version, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
