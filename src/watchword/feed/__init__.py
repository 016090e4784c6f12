"""The contract between the planes: trust as JSON, pages of changes, and a verifier's snapshot. Pure.

Invariants:

- A document that a verifier does not understand affects only its organization, which is denied. Older trust never
  replaces it.
- An organization's trust is the same object until it changes.
- A page starts a new epoch or continues the present one; two histories are never mixed.
"""

from watchword.feed.documents import (
    PAGE_SCHEMA,
    SCHEMA,
    FeedRefused,
    Page,
    SchemaUnknown,
    decode_page,
    decode_trust,
    encode_page,
    encode_trust,
    read_trust,
)
from watchword.feed.snapshot import (
    EMPTY,
    NOT_UNDERSTOOD_HEADER,
    NOT_UNDERSTOOD_NAMED,
    Organizations,
    Packed,
    Snapshot,
    encode_not_understood,
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
