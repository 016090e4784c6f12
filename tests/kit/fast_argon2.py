from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class FastArgon2(Argon2PasswordHasher):
    """The product's hash with the least cost, so that tests with people in them stay quick."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
