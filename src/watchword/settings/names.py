"""Every name that may be set. A mistyped setting would otherwise be ignored, and its default used without a word."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from watchword.settings.base import VERIFIER_TABLE
from watchword.settings.control import ControlSettings
from watchword.settings.variables import ENVIRONMENT_PREFIX, LOG_FORMAT_VARIABLE, LOG_FORMATS, OTHER_VARIABLES
from watchword.settings.verifier import VerifierSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVICE_LINK: Final = re.compile(r"_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?|_PORT(_[0-9]+_[A-Z]+(_[A-Z]+)?)?")
"""How the variables end that Kubernetes sets in every pod for a Service, here one whose name begins "watchword"."""
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


def settings_names() -> frozenset[str]:
    """All settings as the file spells them; those of verifiers as `verifier.port`."""
    verifier = {f"{VERIFIER_TABLE}.{name}" for name in VerifierSettings.model_fields}
    return frozenset(verifier.union(ControlSettings.model_fields))


def variable_of(name: str) -> str:
    """The environment variable of a setting: `verifier.port` is WATCHWORD_VERIFIER_PORT."""
    return f"{ENVIRONMENT_PREFIX}{name.replace('.', '_').upper()}"


def problems_with_names(environment: Mapping[str, str], document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each name in the environment and the file that is not a setting of either plane."""
    names = settings_names()
    by_variable = {variable_of(name): name for name in names}
    for variable, value in sorted(environment.items()):
        if not variable.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        if _is_service_link(variable, value, environment):
            if variable in by_variable:
                yield (
                    f"{variable}: Kubernetes has set it to the address of a Service with this name; "
                    "set enableServiceLinks: false in the pod, or rename the Service."
                )
        elif variable not in by_variable and variable not in OTHER_VARIABLES:
            # Capitals only: parts of a deployment that compare names exactly would overlook any other spelling.
            yield _unknown(ascii(variable)[1:-1], _nearest(_as_name(variable), names), variable_of)
    log_format = environment.get(LOG_FORMAT_VARIABLE)
    if log_format is not None and log_format not in LOG_FORMATS:
        yield f"{LOG_FORMAT_VARIABLE}: must be {' or '.join(LOG_FORMATS)}."
    table = document.get(VERIFIER_TABLE, {})
    for name in [
        *(name for name in document if name != VERIFIER_TABLE),
        *(f"{VERIFIER_TABLE}.{name}" for name in table),
    ]:
        if name not in names:
            yield _unknown(ascii(name)[1:-1], _nearest(name, names), str)


def _as_name(variable: str) -> str:
    name = variable[len(ENVIRONMENT_PREFIX) :].lower()
    in_table = name.removeprefix(f"{VERIFIER_TABLE}_")
    return name if in_table == name else f"{VERIFIER_TABLE}.{in_table}"


def _nearest(name: str, names: frozenset[str]) -> str | None:
    own = name.rpartition(".")[2]
    # The right name in the wrong table is the likelier mistake, however different the two look as a whole.
    for candidate in (name, own, f"{VERIFIER_TABLE}.{own}"):
        if candidate in names:
            return candidate
    return next(iter(get_close_matches(name, sorted(names), n=1)), None)


def _unknown(shown: str, nearest: str | None, spelled: Any) -> str:
    remedy = "remove it or correct its name" if nearest is None else f"did you mean {spelled(nearest)}?"
    return f"{shown}: no such setting; {remedy}".rstrip("?") + ("?" if nearest else ".")


def _is_service_link(variable: str, value: str, environment: Mapping[str, str]) -> bool:
    if "KUBERNETES_SERVICE_HOST" not in environment:
        return False
    if variable in {variable_of(name) for name in settings_names()}:
        return _SERVICE_ADDRESS.match(value) is not None
    return re.search(f"(?:{_SERVICE_LINK.pattern})$", variable) is not None
