"""The parts of Envoy's external authorization messages that a verifier reads or writes.

The names and numbers are those of Envoy's public API, version 3: `envoy/service/auth/v3/external_auth.proto` and
`attribute_context.proto`, `envoy/config/core/v3/base.proto`, `envoy/type/v3/http_status.proto` and
`google/rpc/status.proto`; and of `google/protobuf/struct.proto`. The verifier needs three dozen fields of some hundred,
so they are described here instead of shipping generated code for all. Protocol Buffers skip fields that are not
described.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_PACKAGE: Final = "envoy.service.auth.v3"
_SCALARS: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    # An enumeration is sent as a number, so values unknown here are read too.
    "enum": FieldDescriptorProto.TYPE_INT32,
    "int32": FieldDescriptorProto.TYPE_INT32,
}

# Message: field, number, type; `*` for repeated. A map is sent as repeated pairs of key and value.
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    # config.core.v3
    "HeaderValue": (("key", 1, "string"), ("value", 2, "string"), ("raw_value", 3, "bytes")),
    "HeaderMap": (("headers", 1, "HeaderValue*"),),
    "HeaderValueOption": (("header", 1, "HeaderValue"), ("append_action", 3, "enum")),
    "Value": (("string_value", 3, "string"),),
    "Member": (("key", 1, "string"), ("value", 2, "Value")),
    "Struct": (("fields", 1, "Member*"),),
    "Namespace": (("key", 1, "string"), ("value", 2, "Struct")),
    "Metadata": (("filter_metadata", 1, "Namespace*"),),
    # service.auth.v3, the request
    "Pair": (("key", 1, "string"), ("value", 2, "string")),
    "HttpRequest": (("headers", 3, "Pair*"), ("header_map", 13, "HeaderMap")),
    "Request": (("http", 2, "HttpRequest"),),
    "AttributeContext": (
        ("request", 4, "Request"),
        ("context_extensions", 10, "Pair*"),
        ("metadata_context", 11, "Metadata"),
    ),
    "CheckRequest": (("attributes", 1, "AttributeContext"),),
    # service.auth.v3, the response
    "HttpStatus": (("code", 1, "enum"),),
    "Status": (("code", 1, "int32"),),
    "DeniedHttpResponse": (("status", 1, "HttpStatus"), ("headers", 2, "HeaderValueOption*"), ("body", 3, "string")),
    "OkHttpResponse": (("headers", 2, "HeaderValueOption*"),),
    "CheckResponse": (
        ("status", 1, "Status"),
        ("denied_response", 2, "DeniedHttpResponse"),
        ("ok_response", 3, "OkHttpResponse"),
    ),
}


def _described() -> FileDescriptorProto:
    messages = [
        DescriptorProto(name=message, field=[_field(*field) for field in fields])
        for message, fields in _MESSAGES.items()
    ]
    return FileDescriptorProto(name="watchword.proto", package=_PACKAGE, syntax="proto3", message_type=messages)


def _field(name: str, number: int, kind: str) -> FieldDescriptorProto:
    repeated = kind.endswith("*")
    kind = kind.removesuffix("*")
    field = FieldDescriptorProto(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    return field


# A pool of its own, because another package may load the same names with all their fields.
_POOL: Final = DescriptorPool()
_POOL.Add(_described())


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


CheckRequest: Final = _message("CheckRequest")
CheckResponse: Final = _message("CheckResponse")

CHECK_SERVICE: Final = f"{_PACKAGE}.Authorization"
OVERWRITE: Final = 2
"""HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD: replaces a header that the client sent under that name."""
