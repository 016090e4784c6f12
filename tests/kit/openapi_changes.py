"""Names the differences between two OpenAPI documents that break clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Document = dict[str, Any]


def breaking(before: Document, after: Document) -> list[str]:
    """One sentence for each; empty if every client of `before` can use `after`."""
    return [*_operations(before, after), *_schemas(before, after)]


def _operations(before: Document, after: Document) -> Iterator[str]:
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            name = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{name} is gone"
                continue
            if old["operationId"] != new["operationId"]:
                yield f"{name}: the operationId was renamed"
            yield from (f"{name}: {each}" for each in _parameters(old, new))
            successes = {status for status in old["responses"] if status < "4"}
            yield from (f"{name}: the response {each} is gone" for each in sorted(successes - set(new["responses"])))


def _parameters(old: Document, new: Document) -> Iterator[str]:
    known = {each["name"]: each for each in old.get("parameters", ())}
    present = {each["name"]: each for each in new.get("parameters", ())}
    yield from (f"the parameter {name} is gone" for name in known if name not in present)
    for name, parameter in present.items():
        if parameter.get("required") and not known.get(name, {}).get("required"):
            yield f"the parameter {name} is now required"


def _schemas(before: Document, after: Document) -> Iterator[str]:
    sent = {name for name, schema in before["components"]["schemas"].items() if _is_request(schema)}
    for name, old in before["components"]["schemas"].items():
        new = after["components"]["schemas"].get(name)
        if new is not None:
            yield from (f"{name}.{each}" for each in _members(old, new, is_request=name in sent))


def _is_request(schema: Mapping[str, Any]) -> bool:
    """Bodies of requests admit no unknown members; the problem document says the same of itself."""
    return schema.get("additionalProperties") is False and "reason" not in schema["properties"]


def _members(old: Document, new: Document, *, is_request: bool) -> Iterator[str]:
    for member, before in old.get("properties", {}).items():
        after = new.get("properties", {}).get(member)
        if after is None:
            yield f"{member} is no longer accepted" if is_request else f"{member} is gone from responses"
        elif _kinds(before) != _kinds(after):
            yield f"{member} has another type"
    if is_request:
        added = set(new.get("required", ())) - set(old.get("required", ()))
        yield from (f"{member} is now required" for member in sorted(added))


def _kinds(schema: Document) -> set[str]:
    """What a value can be: types, and the names of other schemas."""
    kinds = {str(schema[word]) for word in ("type", "$ref", "format") if word in schema}
    for each in schema.get("anyOf", ()):
        kinds |= _kinds(each)
    return kinds | {f"item {kind}" for kind in _kinds(schema["items"])} if "items" in schema else kinds
