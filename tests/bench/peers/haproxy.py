"""HAProxy with its jwt_verify converter, and the checks of issuer, audience and expiry in its configuration."""

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

_SETTINGS = """
global
    nbthread 1
    tune.bufsize 32768
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 2s
frontend bench
    bind {address}:{port}
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_header_query('$.alg') -m str {alg} }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify('{alg}','{key}') -m int 1 }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.iss') -m str {issuer} }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.aud') -m str {audience} }}
    http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    http-request return status 200
"""


@contextmanager
def haproxy(question: Question) -> Iterator[Peer]:
    port = free_port()
    public = question.key.private.public_key()
    key = question.folder / f"haproxy-{question.alg}.pem"
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    settings = question.folder / f"haproxy-{question.alg}.cfg"
    settings.write_text(
        _SETTINGS.format(
            address=LOOPBACK, port=port, alg=question.alg, key=key, issuer=question.issuer, audience=question.audience
        )
    )
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "haproxy"
    with running([program, "-db", "-f", str(settings)], log=settings.with_suffix(".log"), port=port) as child:
        yield Peer(port, child.pid)
