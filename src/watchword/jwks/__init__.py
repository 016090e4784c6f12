"""Fetches key sets, over the guarded connections of `outbound`, and admits their keys.

Invariants:

- About an internal host the portal shows only whether a TLS server responds; about a refused address, nothing.
- A forced fetch never delays a background fetch that is 30 s overdue.
- No message or log line contains a remote body.
"""
