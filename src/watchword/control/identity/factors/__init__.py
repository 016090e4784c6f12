"""Passkeys, authenticator apps and recovery codes.

Invariants:

- A passkey proves a person only with user verification, for the portal's exact origin, and for a challenge that this
  browser received.
- A time step of an authenticator app, a recovery code and a ceremony succeed once, however many portals receive them at
  the same time: each is spent by a conditional UPDATE or an INSERT.
- With the password alone a person adds a first factor, never another one.
- A person who must have a second factor keeps one, except when another person resets all of them.
- Secrets of authenticator apps are encrypted. Of recovery codes only the SHA-256 is stored.
"""
