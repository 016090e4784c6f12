"""The contract between the planes, pure: trust as JSON, pages of changes, how a verifier's snapshot grows by them."""

from watchword.feed.documents import (
    NOT_UNDERSTOOD_HEADER,
    NOT_UNDERSTOOD_NAMED,
    PAGE_SCHEMA,
    SCHEMA,
    FeedRefused,
    Page,
    SchemaUnknown,
    decode_page,
    decode_trust,
    encode_not_understood,
    encode_page,
    encode_trust,
    read_trust,
)
from watchword.feed.snapshot import (
    EMPTY,
    Organizations,
    Packed,
    Snapshot,
    fold,
    pack,
    read_packed,
)

__all__ = [
    "EMPTY",
    "NOT_UNDERSTOOD_HEADER",
    "NOT_UNDERSTOOD_NAMED",
    "PAGE_SCHEMA",
    "SCHEMA",
    "FeedRefused",
    "Organizations",
    "Packed",
    "Page",
    "SchemaUnknown",
    "Snapshot",
    "decode_page",
    "decode_trust",
    "encode_not_understood",
    "encode_page",
    "encode_trust",
    "fold",
    "pack",
    "read_packed",
    "read_trust",
]
