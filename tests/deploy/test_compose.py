"""The Compose file: everything it names exists, and its topology works as plain processes with its nginx.conf.

The tests use no Docker; deploy/compose/README.md says what remains untested.
"""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kit.client import request
from kit.deployment import DEPLOY, ROOT, understands, unknown_settings
from kit.fleet import fleet
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.fleet import Fleet
    from kit.postgres import Cluster

# What a file starts for all its tests must not lose its sockets between them.
pytestmark = pytest.mark.enable_socket

COMPOSE = DEPLOY / "compose"
DOCUMENT: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]


def test_all_services_are_there() -> None:
    assert set(SERVICES) == {"postgres", "set-up", "portal", "worker", "verifier-1", "verifier-2", "nginx"}


@pytest.mark.parametrize("name", SERVICES)
def test_files_of_each_service_exist(name: str) -> None:
    service = SERVICES[name]
    assert unknown_settings(str(service.get("environment", {}))) == set()
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert (COMPOSE / source).exists() if source.startswith(".") else source in DOCUMENT["volumes"]
    assert set(service.get("networks", [])) <= set(DOCUMENT["networks"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    if "command" in service:
        assert understands(service["command"])


def test_verifiers_cannot_reach_database_or_internet() -> None:
    outside = {name for name, network in DOCUMENT["networks"].items() if not network.get("internal")}
    for name in ("verifier-1", "verifier-2"):
        assert not set(SERVICES[name]["networks"]) & (outside | set(SERVICES["postgres"]["networks"]))


def test_fk_02_verifiers_use_a_port_that_browsers_cannot_reach() -> None:
    portal = SERVICES["portal"]
    port = portal["environment"]["WATCHWORD_FEED_PORT"]
    for name in ("verifier-1", "verifier-2"):
        assert SERVICES[name]["environment"]["WATCHWORD_VERIFIER_FEED_URL"] == f"http://portal:{port}"
    assert [published.rpartition(":")[2] for published in portal["ports"]] == ["8080"]
    assert port != "8080"


def test_compose_variables_are_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (COMPOSE / "compose.yaml").read_text(encoding="utf-8")))
    given = set(re.findall(r"^([A-Z_]+)=$", (COMPOSE / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert asked == given


def test_set_up_runs_existing_commands() -> None:
    lines = (COMPOSE / "set-up.sh").read_text(encoding="utf-8").splitlines()
    commands = [line.partition("watchword ")[2] for line in lines if "watchword " in line]
    assert len(commands) == 2
    assert all(understands(shlex.split(command)) for command in commands)


def test_files_of_the_image_exist() -> None:
    for line in (COMPOSE / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert all((ROOT / source).exists() for source in sources), line


# ------------------------------------------------ the same topology, as plain processes


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("compose"), cluster, verifiers=2, organizations=["globex"]) as started:
        yield started


def gateway(folder: Path, fleet: Fleet) -> tuple[list[str], int]:
    """The command of an nginx with the shipped configuration, in which only addresses are changed; and its port."""
    port, api = free_port(), free_port()
    first, second = fleet.verifiers
    text = (COMPOSE / "nginx.conf").read_text(encoding="utf-8")
    for shipped, actual in {
        "verifier-1:8081": f"{LOOPBACK}:{first.port}",
        "verifier-2:8081": f"{LOOPBACK}:{second.port}",
        "listen 8088": f"listen {LOOPBACK}:{port}",
        "/tmp/nginx.pid": "nginx.pid",  # noqa: S108 - it is what is looked for.
    }.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, actual)
    assert text.count("127.0.0.1:8090") == 2
    (folder / "nginx.conf").write_text(text.replace("127.0.0.1:8090", f"{LOOPBACK}:{api}"), encoding="utf-8")
    shutil.copytree(DEPLOY / "gateways" / "nginx", folder / "watchword")
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert program is not None, "nginx is not installed; `make test` installs it"
    return [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;"], port


@pytest.mark.timeout(240)
def test_nginx_works_with_one_of_two_verifiers(topology: Fleet, tmp_path: Path) -> None:
    command, port = gateway(tmp_path, topology)
    url, acme = f"http://{LOOPBACK}:{port}/", {"Host": f"acme.localhost:{port}"}
    with running(command, log=tmp_path / "nginx.log", port=port):
        assert request(url).status == 404
        assert request(url, headers=acme).status == 401
        answer = request(url, headers=acme, bearer=topology.token)
        assert (answer.status, answer.body) == (200, b"organization: acme, subject: alice\n")
        globex = request(url, headers={"Host": "globex.localhost"}, bearer=topology.token)
        assert globex.body == b"organization: globex, subject: alice\n"
        # One verifier after the other is down, and no request is refused.
        for verifier in topology.verifiers:
            assert verifier.child is not None
            verifier.child.kill()
            assert {request(url, headers=acme, bearer=topology.token).status for _ in range(20)} == {200}
            assert request(url, headers=acme).status == 401
            verifier.start()
