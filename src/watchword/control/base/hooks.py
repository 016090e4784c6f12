"""Functions of higher rooms that `unit_of_work` and commands call. Each room registers its own when Django starts.

Through them a change locks, checks and publishes in one transaction without importing a room above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchword.control.base.actor import Actor, Required

P = ParamSpec("P")
R = TypeVar("R")


class Hook(Generic[P, R]):
    """A function that a higher room registers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._function: Callable[P, R] | None = None

    def register(self, function: Callable[P, R]) -> None:
        self._function = function

    @property
    def is_registered(self) -> bool:
        return self._function is not None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the registered function.

        Raises:
            RuntimeError: no room has registered one.
        """
        if self._function is None:
            raise RuntimeError(f"nothing is registered for {self.name}")
        return self._function(*args, **kwargs)


lock_organization: Final[Hook[[str], bool]] = Hook("lock_organization")
"""Lock the organization's row until the transaction ends; False if there is none."""

check_entitlement: Final[Hook[[str, datetime], None]] = Hook("check_entitlement")
"""Refuse changes to the servers of an organization without entitlement."""

lock_operators: Final[Hook[[], None]] = Hook("lock_operators")
"""Lock the rows of all operators until the transaction ends."""

current_rights: Final[Hook[[Actor, Required, str, datetime], Actor]] = Hook("current_rights")
"""Return the actor with the rights that the database grants under the lock, for a change with this audit action."""

publish_trust: Final[Hook[[str], None]] = Hook("publish_trust")
"""Give the organization's trust the next revision, in the transaction of the change."""

servers_requiring_api_role: Final[Hook[[str, str], list[str]]] = Hook("servers_requiring_api_role")
"""Return the names of the organization's authorization servers that require this API role of each token."""

ALL: Final = (
    lock_organization,
    check_entitlement,
    lock_operators,
    current_rights,
    publish_trust,
    servers_requiring_api_role,
)


def require_registered() -> None:
    """Stop a process in which changes would not be locked, checked or published.

    Raises:
        RuntimeError: naming the missing hooks.
    """
    missing = [hook.name for hook in ALL if not hook.is_registered]
    if missing:
        raise RuntimeError(f"the control plane is incomplete: nothing is registered for {', '.join(missing)}")
