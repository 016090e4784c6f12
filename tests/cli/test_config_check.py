"""FM-01: `config check` finds each fault that stops `serve` or one of its roles, and writes nothing."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kit import certificates
from kit.processes import LOOPBACK, ChildProcess, free_port
from kit.secret_file import secret_file
from watchword.cli.control_plane import set_up_django
from watchword.settings.control import ControlSettings
from watchword.settings.load import SECRET_NAMES
from watchword.settings.secret_files import SECRET_KEY_MIN
from watchword.settings.verifier import VerifierSettings
from watchword.verifier.disk.files import locked_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kit.command_line import CommandLine

# The commands open databases of their own, which pytest-django allows only to tests that may use one.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]

SECRET: Final = "s" * 40


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Mode and content of every file and folder below."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


class Workplace:
    """An empty working directory with SQLite, free ports and a verifier's credential."""

    def __init__(self, folder: Path, command_line: CommandLine, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder = folder
        self._command_line = command_line
        self._patch = patch
        self.stack = stack
        for name in ("DATABASE_URL", "DATA_DIR"):
            patch.delenv(f"WATCHWORD_{name}", raising=False)
        sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(3)]
        for name, bound in zip(("PORTAL_PORT", "VERIFIER_PORT", "VERIFIER_ADMIN_PORT"), sockets, strict=True):
            self.set(name, bound.getsockname()[1])
            bound.close()
        # A start that goes wrong must not change the logging of the tests.
        patch.setattr("watchword.cli.role_processes.configure_logging", lambda _: None)

    def set(self, name: str, value: object) -> None:
        self._patch.setenv(f"WATCHWORD_{name}", str(value))

    def unset(self, name: str) -> None:
        self._patch.delenv(f"WATCHWORD_{name}")

    def patch_module(self, name: str) -> None:
        self._patch.setitem(sys.modules, name, None)

    def file(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        secret_file(path, content).chmod(mode)
        return path

    def taken_port(self) -> int:
        port: int = self.stack.enter_context(socket.create_server((LOOPBACK, 0))).getsockname()[1]
        return port

    def make_ready(self) -> None:
        """A database with all migrations, and a credential."""
        make_database(self.folder / "data" / "watchword.sqlite3")
        self.set("VERIFIER_CREDENTIAL_FILE", self.file("credential", "wwv_secret"))

    def check(self, *arguments: str) -> tuple[int, list[str]]:
        """Exit status and problems of `config check`."""
        outcome = self._command_line.run("config", "check", "--json", *arguments)
        sentences: list[str] = outcome.json()["problems"]
        return outcome.exit_code, sentences

    def serve(self, *arguments: str) -> tuple[int, str]:
        """Exit status and standard error of a start that must fail."""
        outcome = self._command_line.run("serve", *arguments)
        return outcome.exit_code, outcome.stderr


@pytest.fixture
def workplace(bare_command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    with ExitStack() as stack:
        yield Workplace(tmp_path, bare_command_line, monkeypatch, stack)


def migrations() -> list[tuple[str, str]]:
    set_up_django()
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - needs Django's applications.

    return sorted(MigrationLoader(None).disk_migrations or ())


def make_database(path: Path, *, without: tuple[str, str] | None = None) -> None:
    """A database that says that it has all of this version's migrations but one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
    rows = [each for each in migrations() if each != without]
    connection.executemany("INSERT INTO django_migrations (app, name) VALUES (?, ?)", rows)
    connection.execute(
        "CREATE TABLE servers_authorizationserver (organization_id TEXT, enabled BOOL, required_role TEXT)"
    )
    connection.commit()
    connection.close()


def test_fm_01_config_check_creates_nothing(workplace: Workplace) -> None:
    missing = "There is no database data/watchword.sqlite3 yet. Run `watchword migrate`."
    assert workplace.check() == (1, [missing])
    assert workplace.check("portal") == (1, [missing])
    assert workplace.check("--offline") == (0, [])
    assert workplace.check("verifier") == (
        2, ["verifier: credential: missing; run `watchword verifier create` and set credential or credential_file."],
    )  # fmt: skip
    assert tree(workplace.folder) == {}


def test_fm_01_config_check_writes_nothing_next_to_a_database(
    workplace: Workplace, bare_command_line: CommandLine
) -> None:
    workplace.make_ready()
    before = tree(workplace.folder)
    for role, also in {
        "": ", the database can be used, and the ports are free",
        "portal": ", the database can be used, and the ports are free",
        "worker": ", the database can be used, and the ports are free",
        "verifier": ", and the ports are free",
    }.items():
        outcome = bare_command_line.ok("config", "check", *filter(None, [role]))
        assert outcome.stdout.endswith(f"The settings and files are right{also}.\n")
    assert tree(workplace.folder) == before


def test_fm_01_config_check_reads_a_database_in_use(workplace: Workplace) -> None:
    path = workplace.folder / "data" / "watchword.sqlite3"
    make_database(path, without=("identity", "0001_initial"))
    writer = sqlite3.connect(path)
    try:
        # Only the -wal file has this row.
        writer.execute("INSERT INTO django_migrations (app, name) VALUES ('identity', '0001_initial')")
        writer.commit()
        before = tree(workplace.folder)
        assert workplace.check() == (0, [])
        assert tree(workplace.folder).keys() == before.keys()
    finally:
        writer.close()


def test_each_role_is_checked_by_its_own_settings(workplace: Workplace) -> None:
    workplace.make_ready()
    workplace.set("VERIFIER_PORT", "x")
    assert workplace.check("portal") == workplace.check("worker") == (0, [])
    assert workplace.check("verifier")[0] == workplace.check()[0] == 2
    workplace.set("VERIFIER_PORT", workplace.taken_port())
    workplace.set("PUBLIC_ORIGIN", "x")
    assert workplace.check("verifier")[0] == 1
    assert workplace.check("portal")[0] == 2


def test_verifier_beside_the_portal_is_checked_as_serve_runs_it(
    workplace: Workplace, bare_command_line: CommandLine
) -> None:
    """Its folder is in `data_dir`, and it takes the API's domain from the portal's settings."""
    workplace.set("DATA_DIR", workplace.folder / "state")
    workplace.set("API_URL", "https://{organization}.api.example")
    workplace.set("VERIFIER_TRAEFIK_ROUTING", "host")
    shown = bare_command_line.ok("config", "check", "--offline", "--json").json()["settings"]
    assert shown["verifier.state_file"] == str(workplace.folder / "state" / "verifier" / "snapshot.json")
    assert shown["verifier.api_domain"] == "api.example"
    assert workplace.check("verifier", "--offline")[0] == 2


def test_data_dir_is_not_needed_with_a_database_and_a_key_elsewhere(workplace: Workplace) -> None:
    (workplace.folder / "file").touch()
    workplace.set("DATA_DIR", "file/data")
    assert workplace.check("portal", "--offline")[0] == 2
    workplace.set("SECRET_KEY", SECRET)
    assert workplace.check("portal", "--offline")[0] == 2
    workplace.set("DATABASE_URL", "postgresql://alice@127.0.0.1/watchword")
    assert workplace.check("portal", "--offline") == (0, [])


# ---------------------------------------------------------------- each fault, found by the check and by the start

EVERYTHING, PORTAL, WORKER, VERIFIER = "", "portal", "worker", "verifier"


@dataclass(frozen=True)
class Fault:
    """What stops the start of some roles.

    Attributes:
        roles: that do not start with it.
        cause: makes the fault.
        words: begin or are part of a sentence of check and start.
    """

    name: str
    roles: tuple[str, ...]
    cause: Callable[[Workplace], None]
    words: str


def fails(name: str, words: str, *roles: str) -> Callable[[Callable[[Workplace], None]], Callable[[Workplace], None]]:
    def add(cause: Callable[[Workplace], None]) -> Callable[[Workplace], None]:
        FAULTS.append(Fault(name, roles, cause, words))
        return cause

    return add


def sets(name: str, words: str, *roles: str, **settings: object) -> None:
    """A fault that is made of settings alone."""

    def cause(workplace: Workplace) -> None:
        for setting, value in settings.items():
            workplace.set(setting, value)

    FAULTS.append(Fault(name, roles, cause, words))


FAULTS: list[Fault] = []
CONTROL: Final = (EVERYTHING, PORTAL, WORKER)
DECIDES: Final = (EVERYTHING, VERIFIER)
ALL: Final = (EVERYTHING, PORTAL, WORKER, VERIFIER)

sets("unknown name", "WATCHWORD_PORTAL_PROT: no such setting", *ALL, PORTAL_PROT=1)
sets("wrong value", "refresh_interval: ", *CONTROL, REFRESH_INTERVAL="soon")
sets("wrong value of the verifier", "leeway: ", *DECIDES, VERIFIER_LEEWAY=-1)
sets("authorities missing", "jwks_ca_file: cannot be read", *CONTROL, JWKS_CA_FILE="none.pem")
sets("no proxy", "jwks_proxy: must be", *CONTROL, JWKS_PROXY="socks5://proxy.example:1080")
sets("proxy's credentials alone", "jwks_proxy_credentials_file: is used only", *CONTROL,
     JWKS_PROXY_CREDENTIALS_FILE="none")  # fmt: skip
sets("half a provider of operators", "are used together", *CONTROL, OPERATOR_SSO_CLIENT_ID="watchword")
sets("feed's authorities missing", "feed_ca_file: cannot be read", *DECIDES, VERIFIER_FEED_CA_FILE="none.pem")
sets("no credential file", "credential_file: none cannot be read", VERIFIER, VERIFIER_CREDENTIAL_FILE="none")
sets("no secrets", "gateway_secret_file: none cannot be read", *DECIDES, VERIFIER_GATEWAY_SECRET_FILE="none")


@fails("settings file that is not TOML", "watchword.toml: cannot be read as TOML", *ALL)
def _(workplace: Workplace) -> None:
    path = workplace.file("watchword.toml", "portal_port =")
    workplace.set("CONFIG", path)


@fails("authorities that are no PEM", "jwks_ca_file: holds no PEM certificate", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.set("JWKS_CA_FILE", workplace.file("ca.pem", "nothing"))


@fails("list of leaked passwords in another order", "is not in the order of the hashes", EVERYTHING, PORTAL)
def _(workplace: Workplace) -> None:
    hashes = "\n".join(f"{number:040X}:1" for number in range(100, 0, -1))
    workplace.set("BREACHED_PASSWORDS_FILE", workplace.file("leaked.txt", hashes))


@fails("proxy's credentials that others can read", "jwks_proxy_credentials_file: other users", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.set("JWKS_PROXY", "http://proxy.example:3128")
    workplace.set("JWKS_PROXY_CREDENTIALS_FILE", workplace.file("proxy", "alice:hunter2", 0o644))


@fails("client secret of operators that others can read", "operator_sso_client_secret_file: other users", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.set("OPERATOR_SSO_ISSUER", "https://login.provider.example")
    workplace.set("OPERATOR_SSO_CLIENT_ID", "watchword")
    workplace.set("OPERATOR_SSO_CLIENT_SECRET_FILE", workplace.file("client-secret", "secret", 0o644))


@fails("secret key that others can read", "data_dir: other users", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.file("data/secret_key", "k" * SECRET_KEY_MIN, 0o644)


@fails("short secret key", "is too short to be a secret key", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.file("data/secret_key", "short")


@fails("directory that cannot be made", "data_dir: ", *CONTROL)
def _(workplace: Workplace) -> None:
    workplace.file("file", "")
    workplace.set("DATA_DIR", "file/data")


@fails("directory of the credential that cannot be made", "credential_file: ", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.file("file", "")
    workplace.set("VERIFIER_CREDENTIAL_FILE", "file/folder/credential")


@fails("credential that others can read", "credential_file: other users", *DECIDES)
def _(workplace: Workplace) -> None:
    (workplace.folder / "credential").chmod(0o644)


@fails("empty credential", "credential_file: is empty", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.file("credential", "\n")


@fails("no credential", "credential: missing", VERIFIER)
def _(workplace: Workplace) -> None:
    workplace.unset("VERIFIER_CREDENTIAL_FILE")


@fails("secrets that others can read", "gateway_secret_file: other users", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.set("VERIFIER_GATEWAY_SECRET_FILE", workplace.file("secret", SECRET, 0o644))


@fails("short secret", "gateway_secret_file: must contain one secret", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.set("VERIFIER_GATEWAY_SECRET_FILE", workplace.file("secret", "short"))


def use_tls(workplace: Workplace) -> certificates.Pair:
    pair = certificates.pair(workplace.folder, "verifier")
    workplace.set("VERIFIER_TLS_CERTIFICATE_FILE", pair.certificate)
    workplace.set("VERIFIER_TLS_KEY_FILE", pair.key)
    workplace.set("VERIFIER_GATEWAY_CA_FILE", pair.authority)
    return pair


@fails("key of another certificate", "tls_certificate_file, tls_key_file: cannot be used", *DECIDES)
def _(workplace: Workplace) -> None:
    use_tls(workplace)
    workplace.set("VERIFIER_TLS_KEY_FILE", certificates.pair(workplace.folder, "other").key)


@fails("key that others can read", "tls_key_file: other users", *DECIDES)
def _(workplace: Workplace) -> None:
    use_tls(workplace).key.chmod(0o644)


@fails("key missing", "cannot be read (FileNotFoundError)", *DECIDES)
def _(workplace: Workplace) -> None:
    use_tls(workplace).key.unlink()


@fails("certificate missing", "tls_certificate_file, tls_key_file: cannot be used", *DECIDES)
def _(workplace: Workplace) -> None:
    use_tls(workplace).certificate.unlink()


@fails("gateways' authorities that are no PEM", "gateway_ca_file: cannot be used", *DECIDES)
def _(workplace: Workplace) -> None:
    use_tls(workplace).authority.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@fails("feed's authorities that are no PEM", "feed_ca_file: cannot be read", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.set("VERIFIER_FEED_CA_FILE", workplace.file("ca.pem", "nothing"))


@fails("no extra for gRPC", "grpc_port: needs the extra", *DECIDES)
def _(workplace: Workplace) -> None:
    workplace.patch_module("grpc")
    workplace.set("VERIFIER_GRPC_PORT", 8085)


@fails("folder of another verifier", "is in use by another verifier", *DECIDES)
def _(workplace: Workplace) -> None:
    state = workplace.folder / "state" / "snapshot.json"
    workplace.set("VERIFIER_STATE_FILE", state)
    workplace.stack.enter_context(locked_state(state))


def takes(flag: str, setting: str, *roles: str, also: str | None = None) -> None:
    """A fault by a port in use."""

    def cause(workplace: Workplace) -> None:
        if also is not None:
            workplace.set(also, free_port())
        workplace.set(setting, workplace.taken_port())

    words = f"cannot be used (Address already in use). Stop what listens there, or choose another port with {flag}."
    FAULTS.append(Fault(f"{setting} in use", roles, cause, words))


takes("--portal-port", "PORTAL_PORT", EVERYTHING, PORTAL)
takes("WATCHWORD_PORTAL_ADMIN_PORT", "PORTAL_ADMIN_PORT", EVERYTHING, PORTAL)
takes("WATCHWORD_FEED_PORT", "FEED_PORT", EVERYTHING, PORTAL)
takes("WATCHWORD_FEED_ADMIN_PORT", "FEED_ADMIN_PORT", EVERYTHING, PORTAL, also="FEED_PORT")
takes("WATCHWORD_WORKER_ADMIN_PORT", "WORKER_ADMIN_PORT", EVERYTHING, WORKER)
takes("--verifier-port", "VERIFIER_PORT", *DECIDES)
takes("WATCHWORD_VERIFIER_GRPC_PORT", "VERIFIER_GRPC_PORT", *DECIDES)
takes("--verifier-admin-port", "VERIFIER_ADMIN_PORT", *DECIDES)


@fails("two listeners of the portal on one port", "choose another port with WATCHWORD_PORTAL_ADMIN_PORT", "", PORTAL)
def _(workplace: Workplace) -> None:
    port = free_port()
    for name in ("PORTAL_PORT", "PORTAL_ADMIN_PORT"):
        workplace.set(name, port)


@fails("portal and worker on one port", "choose another port with WATCHWORD_WORKER_ADMIN_PORT", EVERYTHING)
def _(workplace: Workplace) -> None:
    port = free_port()
    for name in ("PORTAL_ADMIN_PORT", "WORKER_ADMIN_PORT"):
        workplace.set(name, port)


@fails("portal and verifier on one port", "choose another port with --verifier-port", EVERYTHING)
def _(workplace: Workplace) -> None:
    port = free_port()
    for name in ("PORTAL_PORT", "VERIFIER_PORT"):
        workplace.set(name, port)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fm_01_fault_that_stops_a_start_is_found(workplace: Workplace, fault: Fault) -> None:
    workplace.make_ready()
    fault.cause(workplace)
    before = tree(workplace.folder)
    found = {role: workplace.check(*filter(None, [role])) for role in ALL}
    assert tree(workplace.folder) == before, "config check wrote"
    assert {role for role in ALL if found[role][0] != 0} == set(fault.roles)
    for role in fault.roles:
        status, sentences = found[role]
        assert [sentence for sentence in sentences if fault.words in sentence], sentences
        started = workplace.serve(*filter(None, [role]))
        assert started[0] == status
        assert fault.words in started[1]
        assert "hunter2" not in "".join(sentences) + started[1]


DATABASES: Final = {
    "lacks a migration": ("The database lacks migrations of this version. Run `watchword migrate`.", None),
    "not a database": ("data_dir: the database cannot be used (file is not a database).", None),
    "not reachable": ("database_url: the database cannot be used (", "postgresql://alice:hunter2@127.0.0.1:{}/none"),
}


@pytest.mark.parametrize("fault", DATABASES)
def test_fm_01_database_that_stops_a_start_is_found(workplace: Workplace, fault: str) -> None:
    words, url = DATABASES[fault]
    path = workplace.folder / "data" / "watchword.sqlite3"
    if fault == "lacks a migration":
        # The newest of a room: Django takes an older one for applied if a newer one is.
        make_database(path, without=max(each for each in migrations() if each[0] == "identity"))
    else:
        workplace.file("data/watchword.sqlite3", "no database " * 100)
    if url is not None:
        workplace.set("DATABASE_URL", url.format(free_port()))
    before = tree(workplace.folder)
    status, (sentence,) = workplace.check()
    assert workplace.check(PORTAL) == workplace.check(WORKER) == (1, [sentence])
    assert (status, sentence.startswith(words)) == (1, True), sentence
    assert "hunter2" not in sentence
    assert tree(workplace.folder) == before
    # In a process of its own: here Django's database is that of the tests.
    command = [sys.executable, "-m", "watchword.cli", "serve", "worker"]
    process = ChildProcess(command, log=workplace.folder / "log", environment={})
    try:
        assert process.wait(timeout=120) == 1
    finally:
        process.stop()
    assert sentence in process.output()


def test_fm_01_empty_database_of_another_version_is_found(workplace: Workplace) -> None:
    path = workplace.folder / "data" / "watchword.sqlite3"
    workplace.file("data/watchword.sqlite3", "")
    assert workplace.check()[1] == ["The database lacks migrations of this version. Run `watchword migrate`."]
    path.unlink()
    make_database(path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO django_migrations (app, name) VALUES ('access', '0001_initial')")
    connection.close()
    (sentence,) = workplace.check()[1]
    assert sentence.startswith("The database was made by a version before 0.2.0")


def test_fm_01_ports_in_use_are_all_named_but_not_offline(workplace: Workplace) -> None:
    workplace.make_ready()
    for name in ("PORTAL_PORT", "VERIFIER_PORT", "VERIFIER_ADMIN_PORT"):
        workplace.set(name, workplace.taken_port())
    assert len(workplace.check()[1]) == 3
    assert workplace.check("--offline") == (0, [])


def test_fm_01_database_of_another_user_is_found(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    workplace.make_ready()
    # Permissions never stop root, which the tests may run as.
    monkeypatch.setattr("os.access", lambda path, _: path != Path("data/watchword.sqlite3"))
    words = "data_dir: this user cannot write to the file data/watchword.sqlite3; correct its owner or its path."
    for role in CONTROL:
        assert workplace.check(*filter(None, [role])) == (2, [words])
        assert words in workplace.serve(*filter(None, [role]))[1]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("::1", "[::1]:{} cannot be used (Address already in use). Stop what listens there, or choose another port"),
        ("192.0.2.1", "192.0.2.1:{} cannot be used (Cannot assign requested address). Correct the host"),
    ],
)
def test_fm_01_host_that_cannot_be_used_is_found(workplace: Workplace, host: str, words: str) -> None:
    workplace.make_ready()
    taken = workplace.stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
    port = taken.getsockname()[1]
    workplace.set("VERIFIER_PORT", port)
    workplace.set("VERIFIER_HOST", host)
    status, (sentence,) = workplace.check("verifier")
    assert status == 1
    assert sentence.startswith(words.format(port))
    assert sentence in workplace.serve("verifier")[1]


def test_fl_05_role_that_no_token_can_name_is_a_warning(workplace: Workplace, bare_command_line: CommandLine) -> None:
    def warnings(*arguments: str) -> list[str]:
        told: list[str] = bare_command_line.run("config", "check", "--json", *arguments).json()["warnings"]
        return told

    workplace.make_ready()
    assert warnings() == []
    with closing(sqlite3.connect(workplace.folder / "data" / "watchword.sqlite3")) as database, database:
        rows = [("globex", 1, "Orders"), ("acme", 1, "Orders"), ("acme", 0, "Orders"), ("initech", 1, None)]
        database.executemany("INSERT INTO servers_authorizationserver VALUES (?, ?, ?)", rows)
    (warning,) = warnings()
    assert warning.startswith("cloud_name is not set, but registrations of acme, globex require an API role.")
    assert warnings("verifier") == warnings("--offline") == []
    workplace.set("CLOUD_NAME", "orders")
    assert warnings() == []


def test_settings_file_with_secrets_that_others_can_read_is_a_warning(
    workplace: Workplace, bare_command_line: CommandLine
) -> None:
    path = workplace.file("watchword.toml", f'secret_key = "{SECRET}"\n[verifier]\ncredential = "wwv_a"\n')
    workplace.set("CONFIG", path)
    warning = f"secret_key, verifier.credential: other users of this machine can read or change {path}"
    for mode, warnings in {0o640: [], 0o644: [f"{warning}; run chmod 0600 {path}."]}.items():
        path.chmod(mode)
        outcome = bare_command_line.ok("config", "check", "--offline", "--json")
        assert outcome.json()["warnings"] == warnings
        assert SECRET not in outcome.stdout
    path.write_text("portal_port = 8080\n")
    assert bare_command_line.ok("config", "check", "--offline", "--json").json()["warnings"] == []


def test_every_secret_setting_is_known_as_one() -> None:
    secret = {
        f"{prefix}{name}"
        for prefix, settings in (("", ControlSettings), ("verifier.", VerifierSettings))
        for name, field in settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert secret == SECRET_NAMES


def test_fm_01_state_that_cannot_be_written_is_found(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verifier starts, but its copy on disk is not updated."""
    workplace.make_ready()
    (workplace.folder / "state").mkdir()
    workplace.set("VERIFIER_STATE_FILE", "state/snapshot.json")
    assert workplace.check() == workplace.check("verifier") == (0, [])
    # Permissions never stop root, which the tests may run as.
    monkeypatch.setattr("os.access", lambda path, _: path != Path("state"))
    sentences = ["verifier: state_file: this user cannot write to state; change its owner."]
    assert workplace.check() == workplace.check("verifier") == (2, sentences)
    workplace.set("VERIFIER_STATE_FILE", "data")
    assert workplace.check() == (
        2, ["verifier: state_file: this user cannot write to the file data; correct its owner or its path."],
    )  # fmt: skip
    workplace.set("VERIFIER_STATE_FILE", "credential/snapshot.json")
    assert workplace.check() == (2, ["verifier: state_file: this user cannot create the directory credential."])
