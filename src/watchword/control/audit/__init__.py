"""The audit log's chain: verification, retention, search and export. `base` appends the events.

Invariants:

- Events are deleted only at the oldest end, by a purge that an event records.
- The chain is complete from the anchor to the head. Triggers of the database refuse every other change.
"""
