from __future__ import annotations

from watchword.control.identity.passwords import BoundedArgon2


class FastArgon2(BoundedArgon2):
    """The product's hash with the lowest cost, so that tests with people stay fast."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
