"""How a verifier authenticates gateways: by a shared secret, by a client certificate, or both.

Without either, every client that can reach the port can try tokens and find out which organizations exist (G-13).
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
from watchword.settings.secret_files import read_secret, require_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from watchword.settings.verifier import VerifierSettings

MAX_SECRETS: Final = 2
"""The current one and its successor: configure verifiers with both, then change the gateways, then remove the old one.
"""

LOG_INTERVAL_SECONDS: Final = 60.0

_log = structlog.get_logger("watchword.verifier")
_SECRET: Final = re.compile(r"[0-9A-Za-z+/=._~-]{32,256}")
"""Too long to guess, and without characters that are special in a gateway's configuration: `$` in nginx's, `%` in
HAProxy's and Envoy's, braces in Caddy's and Traefik's."""


_FORM: Final = (
    "one secret, or two while it is being replaced, each on a line of its own: "
    "32 to 256 letters, digits and + / = . _ ~ -"
)


class GatewaySecrets:
    """The secrets of which a gateway must present one.

    Attributes:
        refused: requests without one of them, since the start.
    """

    def __init__(self, secrets: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = tuple(secret.encode("ascii") for secret in secrets)
        self._clock = clock
        self.refused = 0
        self._next_log_at = float("-inf")

    def accepts(self, presented: Sequence[str]) -> bool:
        """Whether the request presents exactly one secret and it is right, in a time that does not depend on it."""
        if len(presented) == 1:
            secret = presented[0].encode("utf-8", "surrogatepass")
            is_right = False
            for known in self._secrets:
                # Compares all of them, so that the time does not reveal which one matched.
                is_right |= compare_digest(secret, known)
            if is_right:
                return True
        self._refuse()
        return False

    def _refuse(self) -> None:
        # A gateway with an old secret refuses all its requests, and the log must say why. At most one line a minute, so
        # that a client cannot flood the log.
        self.refused += 1
        now = self._clock()
        if now >= self._next_log_at:
            self._next_log_at = now + LOG_INTERVAL_SECONDS
            _log.warning("gateway_unknown", refused_since_start=self.refused, consequence="refusing without deciding")

    def __repr__(self) -> str:
        return f"GatewaySecrets({len(self._secrets)} hidden)"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the listeners. With `client_ca`, every client must present a certificate of that CA."""

    certificate: Path
    key: Path
    client_ca: Path | None


def read_secrets(settings: VerifierSettings) -> GatewaySecrets | None:
    """The configured secrets; None if none is configured.

    Raises:
        SettingsProblem: the file cannot be read, other users can read it, or it contains no usable secret.
    """
    path = settings.gateway_secret_file
    if path is None:
        return None
    lines = read_secret("gateway_secret_file", path).split()
    if not 1 <= len(lines) <= MAX_SECRETS or not all(_SECRET.fullmatch(line) for line in lines):
        raise SettingsProblem(f"gateway_secret_file: must contain {_FORM}.")
    return GatewaySecrets(lines)


def read_tls(settings: VerifierSettings) -> Tls | None:
    """Load the TLS files to check them, and return their paths; None if TLS is not configured.

    Raises:
        SettingsProblem: a file cannot be used, or other users can read the key. The server itself would fail later,
            with a less helpful message.
    """
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    if certificate is None or key is None:
        return None
    require_private("tls_key_file", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without this, OpenSSL would ask for the password of an encrypted key on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as failure:
        raise SettingsProblem(
            f"tls_certificate_file, tls_key_file: cannot be used as PEM ({type(failure).__name__})."
        ) from None
    client_ca = settings.gateway_ca_file
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as failure:
            raise SettingsProblem(f"gateway_ca_file: cannot be used as PEM ({type(failure).__name__}).") from None
    return Tls(certificate, key, client_ca)
