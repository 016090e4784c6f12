from __future__ import annotations

import pytest

from watchword.core.strict_json import MAX_NUMBER_LENGTH, JsonRefused, parse_object


@pytest.mark.parametrize("start", ["1", "0.", "1e-"])
def test_numbers_have_a_length_limit(start: str) -> None:
    longest = start.ljust(MAX_NUMBER_LENGTH, "0")

    assert parse_object(f'{{"exp":{longest}}}'.encode())
    with pytest.raises(JsonRefused):
        parse_object(f'{{"exp":{longest}0}}'.encode())
