"""The process that gateways ask. It holds all trust in memory and answers without the control plane.

Invariants:

- The gateway ports accept connections only while the verifier can decide, so that a gateway asks another verifier
  instead. `/readyz` says "ready" only while they are open.
- Where the verifier demands proof from gateways, a client that cannot prove to be one learns nothing. The one path that
  gateways leave open has no other spelling that reaches the verifier.
- A cached verification gives the same result as verifying again: it applies to one organization, the whole token, this
  exact trust, and the time that the kernel allowed. A token that named its organization is never cached for a request
  whose path names one, nor the reverse.
- A page of the feed is on disk before any decision uses it, or the copy is marked as behind. A verifier never returns
  to an epoch that it has left.
- At most 64 requests of an organization wait for a key, none longer than 0.6 s.
- An allowed call always counts for its organization and its day (UTC), even if the verifier's tables are full. The
  journal of counts on disk is never older than what was sent.
- No metric label, log line or error contains a token, a claim or key material.
"""
