"""A fleet in which one verifier is of another build: its library lacks the key type of one organization (FI-01)."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from kit import forge, registrations
from kit.fleet import wait_until_ready
from kit.processes import wait_until
from kit.product import Product
from kit.soak import length
from kit.verifier_process import VerifierProcess, another_build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.postgres import Cluster

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(300), pytest.mark.soak]

ACME, GLOBEX = forge.ed25519_key("acme"), forge.ec_key("globex")
PATIENCE = 60.0


class Site:
    """A portal and two verifiers, each with its own credential."""

    def __init__(self, folder: Path, stack: ExitStack, database_url: str | None) -> None:
        self.product = Product(folder, database_url=database_url)
        stack.callback(self.product.close)
        self.product.desk("prepare", json.dumps({"acme": {}, "globex": {}}))
        keys = {"acme": ACME, "globex": GLOBEX}
        servers = {name: [forge.key_set(key).decode(), registrations.LOCATION] for name, key in keys.items()}
        self.product.desk("register_all", json.dumps(servers))
        self.product.start("portal")
        self.current = self._verifier(folder, stack, "current")
        self.other = self._verifier(folder, stack, "other")
        self.other.python_path = another_build(folder / "another-build")
        self.current.launch()
        self.other.launch()
        wait_until_ready([self.current, self.other])

    def _verifier(self, folder: Path, stack: ExitStack, name: str) -> VerifierProcess:
        credential = folder / f"{name}.credential"
        self.product.command("verifier", "create", name, "--credential-file", str(credential))
        own = folder / name
        own.mkdir()
        port, secret = self.product.portal_port, credential.read_text(encoding="ascii").strip()
        verifier = VerifierProcess(own, feed_port=port, credential=secret, node=name)
        stack.callback(verifier.stop)
        return verifier

    def not_understanding(self) -> Any:
        return json.loads(self.product.desk("not_understanding", "acme"))


# The tables are asked through the same commands on both; tests/control runs them on each.
@pytest.fixture(params=length(("postgresql",), ("sqlite", "postgresql")))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    with ExitStack() as stack:
        yield Site(tmp_path, stack, None if cluster is None else cluster.network_url(cluster.create_database()))


def said(verifier: VerifierProcess, organization: str) -> str:
    """`allowed`, or the code of the reason, for a good token."""
    now = int(time.time())
    key, alg = (ACME, "EdDSA") if organization == "acme" else (GLOBEX, "ES256")
    answer = verifier.ask(forge.token(key, alg, iat=now, exp=now + 300), organization=organization)
    return "allowed" if answer.status == 200 else str(answer.json()["reason"])


def wait_for(verifier: VerifierProcess, acme: str, globex: str) -> None:
    wait_until(
        lambda: (said(verifier, "acme"), said(verifier, "globex")) == (acme, globex),
        what=f"Acme {acme}, Globex {globex}\n{verifier.log()}",
        timeout=PATIENCE,
    )


def test_fi_01_suspension_reaches_verifier_of_another_build(site: Site) -> None:
    wait_for(site.current, "allowed", "allowed")
    wait_for(site.other, "no_matching_key", "allowed")

    # /readyz warns at once, but still reports ready, for Globex's clients.
    ready = site.other.admin("/readyz")
    assert ready.status == 200
    assert b"does not understand the trust of 1 organization(s)" in ready.body
    # Clients get the response to a made-up token; operators see the reason.
    assert b'reason="trust_not_understood"} 0.0' not in site.other.admin("/metrics").body
    assert b"organizations_not_understood 1.0" in site.other.admin("/metrics").body
    assert site.other.log().count('"trust_not_understood"') == 1

    site.product.desk("suspend", "globex")
    wait_for(site.current, "allowed", "organization_suspended")
    wait_for(site.other, "no_matching_key", "organization_suspended")

    wait_until(lambda: site.not_understanding() == [["other"], 2], what="the report", timeout=PATIENCE)
    assert '"trust_not_understood_by_verifier"' in site.product.log("portal")

    site.other.stop()
    site.other.python_path = None
    site.other.launch()
    wait_until_ready([site.other])
    wait_for(site.other, "allowed", "organization_suspended")
    wait_until(lambda: site.not_understanding() == [[], 2], what="the report of the upgrade", timeout=PATIENCE)
