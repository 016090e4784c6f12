"""Fetches the provider's keys, for one sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword.jwks.probe import probe

if TYPE_CHECKING:
    from watchword.core.jwk import SigningKey
    from watchword.jwks.fetch import FetchPolicy
    from watchword.jwks.problem import Problem
    from watchword.openid.provider import Provider


def fetch_keys(provider: Provider, policy: FetchPolicy) -> tuple[SigningKey, ...] | Problem:
    """The keys that the provider publishes now, admitted by the same rules as those of authorization servers.

    They are fetched for every sign-in: people sign in rarely, and so a withdrawn key is refused at once and a new one
    known at once.
    """
    findings = probe(provider.jwks_location, verify_certificate=True, policy=policy)
    if findings.problem is not None:
        return findings.problem
    return () if findings.key_set is None else findings.key_set.keys
