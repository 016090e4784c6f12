"""Apache with mod_auth_openidc as a resource server that verifies JWT access tokens by itself."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.peers import Peer
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.peers import Question

_MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "mime", "alias")
_FOLDER = "/usr/lib/apache2/modules"
_SETTINGS = """
{modules}
ServerRoot {root}
ServerName localhost
Listen {address}:{port}
PidFile {root}/apache.pid
ErrorLog {root}/error.log
LogLevel error
DocumentRoot {root}/www
TypesConfig /etc/mime.types
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
MaxKeepAliveRequests 0
OIDCOAuthVerifyCertFiles {kid}#{key}
OIDCOAuthRemoteUserClaim sub
OIDCCryptoPassphrase not-used-here
<Location "/">
    AuthType oauth20
    Require claim iss:{issuer}
</Location>
"""


@contextmanager
def apache(question: Question) -> Iterator[Peer]:
    """It demands the issuer alone, and is so asked for less than the others."""
    port = free_port()
    root = question.folder / f"apache-{question.alg}"
    (root / "www").mkdir(parents=True)
    (root / "www" / "index.html").write_text("")
    key = root / "key.pem"
    key.write_bytes(question.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    modules = "\n".join(f"LoadModule {name}_module {_FOLDER}/mod_{name}.so" for name in _MODULES)
    settings = root / "httpd.conf"
    named = {"modules": modules, "root": root, "kid": question.key.kid, "key": key, "issuer": question.issuer}
    settings.write_text(_SETTINGS.format(address=LOOPBACK, port=port, **named))
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin") or "apache2"
    command = [program, "-DFOREGROUND", "-f", str(settings)]
    with running(command, log=root / "apache.log", port=port) as child:
        yield Peer(port, child.pid, "/index.html")
