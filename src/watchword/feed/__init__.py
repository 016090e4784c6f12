"""The contract between the planes, pure: trust as JSON, pages of changes, how a verifier's snapshot grows by them."""

from watchword.feed.documents import (
    SCHEMA,
    FeedRefused,
    Page,
    SchemaUnknown,
    decode_page,
    decode_trust,
    encode_page,
    encode_trust,
)
from watchword.feed.snapshot import EMPTY, Organizations, Packed, Snapshot, fold, organization_and_revision, pack

__all__ = [
    "EMPTY",
    "SCHEMA",
    "FeedRefused",
    "Organizations",
    "Packed",
    "Page",
    "SchemaUnknown",
    "Snapshot",
    "decode_page",
    "decode_trust",
    "encode_page",
    "encode_trust",
    "fold",
    "organization_and_revision",
    "pack",
]
