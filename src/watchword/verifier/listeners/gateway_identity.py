"""How a verifier knows that it is a gateway of ours that asks: by a shared secret, by a client certificate, or both.

Without either anybody who reaches the port can try tokens and learn which organizations there are (G-13).
"""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

import structlog

from watchword.settings.base import SettingsProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from watchword.settings.verifier import VerifierSettings

MAX_SECRETS: Final = 2
"""The one in use and its successor: verifiers learn both, then the gateways change, then the old one goes."""

QUIET_SECONDS: Final = 60.0

_log = structlog.get_logger("watchword.verifier")
_SECRET: Final = re.compile(r"[0-9A-Za-z+/=._~-]{32,256}")
"""Long enough not to be guessed, and of characters that mean nothing in any gateway's configuration: `$` would in
nginx's, `%` in HAProxy's and Envoy's, braces in Caddy's and Traefik's."""


_FORM: Final = (
    "one secret, or two while it is being replaced, each on a line of its own: "
    "32 to 256 letters, digits and + / = . _ ~ -"
)


class GatewaySecrets:
    """The secrets of which a gateway must show one.

    Attributes:
        refused: requests without one of them, since the start.
    """

    def __init__(self, secrets: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = tuple(secret.encode("ascii") for secret in secrets)
        self._clock = clock
        self.refused = 0
        self._silent_until = float("-inf")

    def includes(self, shown: Sequence[str]) -> bool:
        """Whether the request shows one of them, once. How long it takes does not tell how much of it is right."""
        if len(shown) == 1:
            secret = shown[0].encode("utf-8", "surrogatepass")
            is_one = False
            for known in self._secrets:
                # All are compared, so that the time does not tell either which one it was.
                is_one |= compare_digest(secret, known)
            if is_one:
                return True
        self._tell()
        return False

    def _tell(self) -> None:
        # A gateway with an old secret refuses everybody, and its operator must be able to find out why. Whoever floods
        # the port gets no more than a line a minute.
        self.refused += 1
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + QUIET_SECONDS
            _log.warning("gateway_unknown", refused_since_start=self.refused, consequence="refusing without deciding")

    def __repr__(self) -> str:
        return f"GatewaySecrets({len(self._secrets)} hidden)"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the listeners. With `client_authority` nobody is answered who has no certificate of it."""

    certificate: Path
    key: Path
    client_authority: Path | None


def read_secrets(settings: VerifierSettings) -> GatewaySecrets | None:
    """The secrets that the settings demand; None if they demand none.

    Raises:
        SettingsProblem: the file cannot be read, or holds no usable secret.
    """
    path = settings.gateway_secret_file
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, ValueError) as failure:
        raise SettingsProblem(f"gateway_secret_file: cannot be read ({type(failure).__name__}).") from None
    if not 1 <= len(lines) <= MAX_SECRETS or not all(_SECRET.fullmatch(line) for line in lines):
        raise SettingsProblem(f"gateway_secret_file: must hold {_FORM}.")
    return GatewaySecrets(lines)


def read_tls(settings: VerifierSettings) -> Tls | None:
    """The files for TLS after trying them; None if the verifier is to answer without TLS.

    Raises:
        SettingsProblem: a file cannot be used. The server itself would fail later, and say less.
    """
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An encrypted key would otherwise be asked for on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as failure:
        raise SettingsProblem(
            f"tls_certificate_file, tls_key_file: cannot be used as PEM ({type(failure).__name__})."
        ) from None
    authority = settings.gateway_ca_file
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as failure:
            raise SettingsProblem(f"gateway_ca_file: cannot be used as PEM ({type(failure).__name__}).") from None
    return Tls(certificate, key, authority)
