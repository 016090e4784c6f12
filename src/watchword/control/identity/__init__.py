"""People, roles, sessions, passwords and signing in; API roles and API keys.

Invariants:

- An ended session opens nothing, also for a client that replays its cookie. Every command that takes a person's access
  away ends the sessions in its transaction.
- An organization keeps an administrator who holds every permission and can sign in; the provider keeps an operator who
  can sign in.
- A person can neither grant, change nor take over permissions that they do not hold.
- Person, role and session are read again under the lock of the organization, or of the operators.
- A person or an API client can neither create, change nor assign an API role that gives more than they hold.
- A session has the factors that its person must have: what requires more ends the sessions that have less.
- Only hashes of passwords, session keys, link secrets, recovery codes and API keys are stored. The secrets of
  authenticator apps and of identity providers are encrypted.
"""
