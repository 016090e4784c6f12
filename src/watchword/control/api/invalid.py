"""Turns what the types refuse into the errors of a problem document, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchword.control.api.problems import Fault, Invalid, fault, fields_invalid
from watchword.control.api.strict_requests import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchword.control.api.problems import Problem

_SENTENCES: Final = {
    "missing": "This member is required.",
    "extra_forbidden": "Unknown member.",
    "string_type": "This must be a text.",
    "bool_type": "This must be true or false.",
    "int_type": "This must be an integer.",
    "int_parsing": "This must be an integer.",
    "int_from_float": "This must be an integer.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
}


def invalid_parts(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem for django-ninja's list of errors: in the query 400, in the body 422."""
    found = [_invalid(error) for error in errors]
    in_query = [invalid for invalid in found if invalid.place == "query"]
    if in_query:
        return fault(Fault.QUERY_INVALID, errors=in_query)
    return fields_invalid(found)


def _invalid(error: Mapping[str, Any]) -> Invalid:
    place, *path = error["loc"]
    # The body's errors begin with the name of the handler's parameter, which the client does not know.
    names = path[1:] if place == "body" else path[-1:]
    return Invalid(_pointer(names), _sentence(error), place)


def _pointer(names: Iterable[object]) -> str:
    return "".join(f"/{escaped(str(name))}" for name in names)


def _sentence(error: Mapping[str, Any]) -> str:
    known = _SENTENCES.get(error["type"])
    if known is not None:
        return known
    # Ours, from a validator, or one of the library about a bound, which quotes no input.
    text = str(error["msg"]).removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."
