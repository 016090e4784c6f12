"""Connects to servers that organizations and their administrators name: the only package that opens such URLs.

Invariants:

- Every outbound connection goes to an address that was checked, takes at most 5 s by the wall clock, reads at most
  256 KiB and follows no redirect.
- The certificates that one registration trusts, or its switched-off check, never affect another one's connection.
- A failure gives a code: no message or log line contains a remote body, a header or a detail of the network.
"""
