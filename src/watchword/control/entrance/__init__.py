"""What runs before Django and the feed: the ASGI applications, limits of request bodies, metrics, the access log.

Invariants:

- A request's body is complete and within its limits before Django or the feed sees the request.
- Every response has the security headers, also one that no view has sent.
- The access log and the metrics contain only values of closed tables and numbers: no path, query or address.
"""
