"""The background process: claims key sets that are due, fetches them, records the results, purges old rows.

Invariants:

- A lease keeps two workers from fetching one key set at the same time.
- A process that runs a worker forks it before it starts any thread, except the one that waits for the supervisor's end.
"""
