"""Verifier credentials, publishing trust, and the feed over HTTP.

Invariants:

- Trust revisions have the order of their commits: one counter row stays locked until the commit.
- A revoked credential gets no further response, also for a request that waits.
- Only the hash of a credential's secret is stored.
- A waiting verifier holds neither a thread nor a database connection.
"""
