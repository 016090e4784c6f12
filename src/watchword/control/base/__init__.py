"""What every room needs: the unit of work, actors, refusals, appending to the audit log, hooks.

Invariants:

- A command has one transaction. The audit event and the trust revision are in it.
- A command decides by the rights that the database grants under the lock, never by those of the request's beginning.
- Locks have one order: organization or operators, person, session, feed, audit log.
- Audit events are ordered as they commit; each has the hash of the one before it.
- A process in which a hook is missing does not start.
"""
