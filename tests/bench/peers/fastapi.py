"""What people write by hand: FastAPI and PyJWT under uvicorn with its fast loop and parser."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.peers import Peer
from kit.processes import LOOPBACK, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.peers import Question

_APPLICATION = """
from pathlib import Path

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

KEY = Path("{key}").read_text()
app, bearer = FastAPI(), HTTPBearer()


async def claims(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    try:
        return jwt.decode(
            credentials.credentials, KEY, algorithms=["{alg}"], audience="{audience}", issuer="{issuer}"
        )
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.get("/")
async def answer(claims: dict = Depends(claims)) -> dict:
    return {{"sub": claims["sub"]}}
"""


@contextmanager
def fastapi(question: Question) -> Iterator[Peer]:
    port = free_port()
    folder = question.folder / f"fastapi-{question.alg}"
    folder.mkdir()
    key = folder / "key.pem"
    public = question.key.private.public_key()
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    application = _APPLICATION.format(key=key, alg=question.alg, audience=question.audience, issuer=question.issuer)
    (folder / "by_hand.py").write_text(application)
    command = [sys.executable, "-m", "uvicorn", "by_hand:app", "--app-dir", str(folder), "--host", LOOPBACK]
    command += ["--port", str(port), "--no-access-log", "--log-level", "error"]
    assert Path(command[0]).exists()
    with running(command, log=folder / "uvicorn.log", port=port, timeout=60) as child:
        yield Peer(port, child.pid)
