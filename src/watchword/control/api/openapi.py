"""The OpenAPI 3.1 document, made of what `operation` declares. The committed `openapi.json` is what clients get.

`python -m watchword.control.api > src/watchword/control/api/openapi.json` writes it.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from watchword.control.api.declarations import OPERATIONS, ETag
from watchword.control.api.problems import CONTENT_TYPE, Fault
from watchword.control.base.actor import ApiCategory, Privilege
from watchword.control.base.refusals import RefusalReason
from watchword.core.decision import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ninja import NinjaAPI

    from watchword.control.api.declarations import Operation

FILE: Final = Path(__file__).with_name("openapi.json")

_DESCRIPTION: Final = (
    "Configure what the portal configures. Send an API key, or an access token of the organization's enabled "
    "authorization server whose scope names an API role; one of the two is enough. Every error is a problem document "
    "(RFC 9457) with a stable `reason`."
)

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457. `validation` is present if a failed validation is the reason.",
    "required": ["type", "title", "status", "detail", "reason", "errors", "request_id"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "Stable; programs can depend on it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "detail"],
                "properties": {
                    "in": {"enum": ["body", "query", "header"]},
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901)."},
                    "detail": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
        "request_id": {"type": "string"},
        "validation": {"$ref": "#/components/schemas/Validation"},
    },
    "additionalProperties": False,
}

_NEVER: Final = frozenset(
    {Reason.TOKEN_MISSING, Reason.TRUST_STALE, Reason.ORGANIZATION_NOT_NAMED, Reason.ORGANIZATION_AMBIGUOUS}
)
"""The API has its own problem without credentials, reads the database, and knows the organization by the address."""

_ALWAYS: Final = (Fault.CREDENTIALS_MISSING, Fault.UNREADABLE, Fault.QUERY_INVALID, Fault.FAILED, Fault.UNAVAILABLE)
_REQUEST_ID: Final = {"$ref": "#/components/headers/RequestId"}
_HEADERS: Final[dict[str, Any]] = {
    "RequestId": {
        "description": "The request's X-Request-ID if it is well-formed, else a random one. The audit log has it, too.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "The version, for If-Match of the next change.", "schema": {"type": "string"}},
    "Location": {"description": "The address of what was created.", "schema": {"type": "string", "format": "uri"}},
    "RetryAfter": {"description": "Seconds.", "schema": {"type": "integer"}},
    "Challenge": {"description": "RFC 6750 section 3.", "schema": {"type": "string"}},
}
_IF_MATCH: Final = {
    "in": "header", "name": "If-Match", "required": True, "schema": {"type": "string"},
    "description": "The ETag of what is to be changed, as it was read.",
}  # fmt: skip
_SENT_ID: Final = {
    "in": "header", "name": "X-Request-ID", "required": False,
    "schema": {"type": "string"}, "description": "1 to 64 letters, digits, `.`, `_`, `-`; another one is replaced.",
}  # fmt: skip
_SCHEMES: Final = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key; it begins with `wwk_`. It is enough."},
    "accessToken": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "Instead of an API key; with the scope `<cloud name>::<organization>::<API role>`.",
    },
}  # fmt: skip


def document(api: NinjaAPI) -> dict[str, Any]:
    """Return the whole document."""
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
    found["info"]["description"] = _DESCRIPTION
    found["servers"] = [{"url": "/api/v1"}]
    found["security"] = [{"apiKey": []}, {"accessToken": []}]
    found["components"]["schemas"]["Problem"] = _PROBLEM
    found["components"]["securitySchemes"] = _SCHEMES
    found["components"]["headers"] = _HEADERS
    for entry in OPERATIONS.values():
        _complete(found["paths"][template_of(entry)][entry.method.lower()], entry)
    found["components"]["responses"] = _shared_responses(found["paths"])
    whole: dict[str, Any] = _without_titles(found)
    return whole


def template_of(entry: Operation) -> str:
    """Return the path as OpenAPI writes it."""
    return re.sub(r"{[^}:]+:", "{", entry.path)


def text_of(found: Mapping[str, Any]) -> str:
    """Return the document as the file has it."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def reasons_of(entry: Operation) -> dict[int, set[str]]:
    """Return the reason codes of all problems that an operation can have, by status."""
    found: set[tuple[int, str]] = {(reason.status, reason.code) for reason in _of_tokens(entry)}
    found |= {_pair(each) for each in _ALWAYS}
    common = (RefusalReason.API_KEY_UNUSABLE, RefusalReason.PERMISSION_MISSING, RefusalReason.NOT_FOUND)
    found |= {_pair(each) for each in (*common, *entry.refusals)}
    found |= {_pair(RefusalReason.INSUFFICIENT_SCOPE if entry.of_organization else Fault.TOKEN_WITHOUT_ORGANIZATION)}
    body = (Fault.BODY_MALFORMED, Fault.TYPE_UNSUPPORTED, RefusalReason.FIELDS_INVALID)
    found |= {_pair(each) for each in (body if entry.takes_body else (Fault.BODY_UNEXPECTED,))}
    found |= {_pair(Fault.TOO_LARGE), _pair(Fault.TOO_SLOW)}
    if "cursor" in entry.parameters:
        found.add(_pair(Fault.CURSOR_INVALID))
    if entry.etag is ETag.REQUIRED:
        found |= {_pair(each) for each in (Fault.IF_MATCH_MISSING, Fault.IF_MATCH_MALFORMED, Fault.VERSION_DIFFERS)}
    by_status: dict[int, set[str]] = {}
    for status, code in found:
        by_status.setdefault(status, set()).add(code)
    return by_status


def _of_tokens(entry: Operation) -> list[Reason]:
    """Return the kernel's reasons to refuse a token that the API can give."""
    if not entry.of_organization:
        return [reason for reason in Reason if reason.step == 1 and reason is not Reason.TOKEN_MISSING]
    return [
        reason
        for reason in Reason
        if reason.public is reason and reason not in _NEVER and reason.status != HTTPStatus.FORBIDDEN.value
    ]


def _pair(reason: Fault | RefusalReason) -> tuple[int, str]:
    reason = Fault.VERSION_DIFFERS if reason is RefusalReason.VERSION_STALE else reason
    return reason.status, reason.code


def _complete(described: dict[str, Any], entry: Operation) -> None:
    described["summary"] = entry.name.replace("_", " ").capitalize().replace(" api ", " API ")
    described["description"] = f"{described.get('description', '')}\n\nRequires: {_right(entry)}."
    described["parameters"] = [
        *described.get("parameters", ()), *([_IF_MATCH] if entry.etag is ETag.REQUIRED else ()), _SENT_ID,
    ]  # fmt: skip
    success = described["responses"][str(entry.status)]
    if entry.produces != "application/json":
        success["content"] = {entry.produces: {"schema": {"type": "string"}}}
    success["headers"] = {"X-Request-ID": _REQUEST_ID}
    if entry.etag is not ETag.NONE and entry.returns is not None:
        success["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    if entry.status == HTTPStatus.CREATED:
        success["headers"]["Location"] = {"$ref": "#/components/headers/Location"}
    for status, codes in sorted(reasons_of(entry).items()):
        described["responses"][str(status)] = _problem(status, sorted(codes))


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-ID": _REQUEST_ID}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"reason": {"enum": codes}}}]}
    return {
        "description": HTTPStatus(status).phrase, "headers": headers, "content": {CONTENT_TYPE: {"schema": schema}},
    }  # fmt: skip


def _shared_responses(paths: dict[str, Any]) -> dict[str, Any]:
    """Move the problems that several operations have in common into components, and return these."""
    uses: dict[str, list[tuple[dict[str, Any], str]]] = {}
    for methods in paths.values():
        for described in methods.values():
            for status, response in described["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    uses.setdefault(json.dumps(response), []).append((described["responses"], status))
    shared: dict[str, Any] = {}
    for text, places in uses.items():
        if len(places) > 1:
            status = places[0][1]
            name = f"Problem{status}_{1 + sum(each.startswith(f'Problem{status}_') for each in shared)}"
            shared[name] = json.loads(text)
            for responses, key in places:
                responses[key] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _right(entry: Operation) -> str:
    if entry.right is Privilege.OPERATOR:
        return "an API key of an operator"
    category = next(each for each in ApiCategory if each.right is entry.right)
    return f"{category.value}, {'View Only' if entry.action is None else 'Full'}"


def _without_titles(value: Any) -> Any:
    """Leave out the titles that repeat the names of members."""
    if isinstance(value, dict):
        return {
            name: _without_titles(member)
            for name, member in value.items()
            if not (name == "title" and isinstance(member, str) and "version" not in value)
        }
    return [_without_titles(member) for member in value] if isinstance(value, list) else value
