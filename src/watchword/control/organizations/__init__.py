"""Organizations, their API subscriptions and suspensions, and the function that decides their entitlement.

Invariants:

- `rules.entitlement` is the only code that decides what an organization is entitled to.
- An organization has at most one live suspension. Only an operator lifts it; renewing the subscription does not.
- Verifiers get the start and the end of the subscription, so it ends to the second even if no process of the control
  plane runs.
"""
