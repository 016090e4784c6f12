"""Signs people in at an identity provider: the protocol of an OpenID Connect relying party, without Django.

Invariants:

- Only a complete response to a request of this service, from the provider that it was sent to, leads to a code, and
  only an ID token that this provider signed for this client and this request leads to claims.
- Every request goes through the guarded exchange. Nothing is fetched because an ID token or a response says so.
- No problem, message or log line contains a code, a secret, a token or a text of the provider. Access tokens are
  dropped.
- Anything unforeseen refuses.
"""
