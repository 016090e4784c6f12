"""Fetches key sets: the only package that opens URLs of organizations.

Invariants:

- Every outbound connection goes to an address that was checked, takes at most 5 s by the wall clock, reads at most
  256 KiB and follows no redirect.
- About an internal host the portal shows only whether a TLS server responds; about a refused address, nothing.
- The certificates that one registration trusts, or its switched-off check, never affect another one's connection.
- A forced fetch never delays a background fetch that is 30 s overdue.
- No message or log line contains a remote body.
"""
