"""Authorization servers: registration, validation, key sets and their rotation.

Invariants:

- An organization has at most two servers, at most one of them enabled. Unique constraints enforce it.
- JWKS location, certificate setting and attached CA certificates are validated together, and a receipt is valid for
  exactly these. No private key in the form's text is stored.
- No registration accepts tokens of the whole world by accident. At servers that sign for every customer it requires a
  value that no other customer's token has; an administrator confirms everything else. The rule never considers other
  organizations.
- Good keys outlive failed fetches up to a stated limit (24 h). An older response never replaces a newer one.
- Nothing of an unknown key's token is stored: a report only marks a key of the organization's own history.
- `trust.py` is the only source of what verifiers know.
"""
