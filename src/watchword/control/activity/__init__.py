"""API calls that verifiers have counted, and the API call threshold.

Invariants:

- Every batch of counts is applied exactly once. Every row of counts belongs to one verifier.
- A batch that its credential's processes cannot have counted is refused as a whole, and so is one that continues the
  numbers of another credential.
- Crossing the API call threshold suspends the organization in the transaction of the review.
"""
