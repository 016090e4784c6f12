"""Verifies tokens: bytes, keys, limits and the clock are arguments, the result is a Decision. Pure.

Invariants:

- Anything unforeseen is a deny. No setting changes that.
- A client without a token of the organization's server gets the same response for all organizations, whether they exist
  or not: only a token whose signature is verified leads to a reason that says more.
- A token's claim about its organization only selects the keys that must verify it.
- Weak keys are searched for in published key sets, never in stored ones.
- No message contains a token, a claim or key material.
"""
