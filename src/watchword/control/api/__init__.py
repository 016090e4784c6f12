"""The management API under /api/v1/: requests become the commands and queries that the portal's pages use, too.

Invariants:

- No rule lives here. What an API client may do and what is valid is decided by commands and queries.
- Cookies and sessions have no effect: only the Authorization header says who the client is.
- Every operation is declared with `operation`. Its right is checked before its parameters and its body are read.
- Every error is a problem document (RFC 9457), never HTML, and contains no token, no key and no claim.
- `openapi.json` says what is served: a test fails as soon as the code differs from it.
"""
