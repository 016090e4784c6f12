"""How memory, start, catch-up, lookup and changes grow with the number of organizations, in both planes.

Organizations are such as customers have: an active subscription and one enabled server with two RSA keys of 2048 bits.
Each figure comes from a process of its own, which tells its memory and its processor time: on a busy machine these
change little, while the wall clock does. `make bench` prints the figures and never fails on one.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from rich.console import Console
from rich.table import Table

from watchword.feed import EMPTY, Organizations, Packed, Page, Snapshot, encode_page, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIZES: Final = (1_000, 10_000, 100_000)
QUICK_SIZES: Final = (1_000, 10_000)
STARTS_ONLY: Final = 1_000_000
"""Measured with `--large`: everything but what takes minutes at this size."""

SAMPLES: Final = 2_000
PAGE_LENGTH: Final = 500
_ROOT: Final = Path(__file__).resolve().parents[1]
_YEARS: Final = 10 * 365 * 86_400

Figures = dict[str, float]


def main(*, quick: bool = False, large: bool = False) -> None:
    console = Console()
    sizes = QUICK_SIZES if quick else SIZES
    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as folder:
        columns = {size: _verifier(size, Path(folder)) for size in (*sizes, *((STARTS_ONLY,) if large else ()))}
    _print(console, "One verifier", columns)
    _print(console, f"Control plane, {sizes[-1]:,} organizations", _control_planes(sizes[-1]))
    console.print(f"Load average {os.getloadavg()[0]:.1f}.")


def _print(console: Console, title: str, columns: dict[Any, Figures]) -> None:
    headings = [f"{name:,} organizations" if isinstance(name, int) else name for name in columns]
    table = Table("", *headings, title=title)
    for row in dict.fromkeys(row for column in columns.values() for row in column):
        cells = [f"{column[row]:,.4g}" if row in column else "-" for column in columns.values()]
        table.add_row(row, *cells)
    console.print(table)


def _verifier(size: int, folder: Path) -> Figures:
    copy = folder / f"{size}" / "snapshot.json"
    figures = _in_child("store", size, copy) | _in_child("start", size, copy)
    if size != STARTS_ONLY:
        figures |= _in_child("all_asked", size, copy) | _in_child("catch_up", size, copy)
    return figures


def _in_child(measure: str, size: int, copy: Path, environment: dict[str, str] | None = None) -> Figures:
    command = [sys.executable, "-m", "bench.scale", measure, str(size), str(copy)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), **(environment or {})}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


# ------------------------------------------------------------------ sample organizations


def name_of(number: int) -> str:
    return f"customer-{number:07d}"


def document_of(number: int) -> dict[str, Any]:
    """Trust as JSON. The moduli are odd numbers of the right size, which look like real ones."""
    return {
        "schema": 2,
        "organization": name_of(number),
        "revision": number + 1,
        "suspended": number % 100 == 0,
        "subscription": {"starts_at": int(time.time()) - 86_400, "expires_at": int(time.time()) + _YEARS},
        "server": {
            "id": "5f0d7c52-3a0e-4a52-9d3c-0d8f3d1f2b11",
            "name": "ProdOkta",
            "issuer": {"equals": f"https://login.{name_of(number)}.example/oauth2/default"},
            "audience": {"equals": "https://api.example/"},
            "client_id": "any",
            "accepts_bound_tokens": False,
            "keys": [_key(), _key()],
            "keys_good_until": int(time.time()) + _YEARS,
        },
    }


def _key() -> dict[str, str]:
    octets = bytearray(os.urandom(256))
    octets[0] |= 0x80
    octets[-1] |= 1
    modulus = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    return {"kty": "RSA", "kid": secrets.token_urlsafe(32), "alg": "RS256", "n": modulus, "e": "AQAB"}


def _packed(size: int) -> Iterator[tuple[str, Packed]]:
    for number in range(size):
        text = json.dumps(document_of(number), separators=(",", ":"))
        yield name_of(number), Packed(text.encode())


# ------------------------------------------------------------------ measuring


@dataclass
class Spent:
    """Seconds since it was made: of the processor, and by the clock on the wall."""

    def __post_init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def cpu(self) -> float:
        return time.process_time() - self._cpu

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._wall


def _megabytes(name: str) -> float:
    """VmRSS (now) or VmHWM (the most there ever was) of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel does not tell {name}")


def _median(act: Callable[[int], object], times: int) -> float:
    """Seconds of the processor."""
    spent = []
    for number in range(times):
        clock = time.process_time_ns()
        act(number)
        spent.append(time.process_time_ns() - clock)
    return statistics.median(spent) / 1e9


# ------------------------------------------------------------------ the verifier, each function in a process of its own


def store(size: int, copy: Path) -> Figures:
    """Rewrite the copy on disk."""
    from watchword.verifier.disk.copy import DiskCopy  # noqa: PLC0415 - what a process does not need is not in its memory.

    snapshot = Snapshot("e1", size, Organizations().changed(_packed(size)))
    spent = Spent()
    DiskCopy(copy).store(snapshot, heard_at=time.time())
    return {
        "copy on disk, MB": copy.stat().st_size / 1e6,
        "rewriting it, CPU s": spent.cpu,
        "rewriting it, wall s": spent.wall,
    }


def start(size: int, copy: Path) -> Figures:
    """Start from the copy on disk, look up, and follow changes."""
    from watchword.verifier.disk.copy import DiskCopy  # noqa: PLC0415 - as above.

    before, spent, disk = _megabytes("VmRSS"), Spent(), DiskCopy(copy)
    loaded = disk.load(now=time.time())
    if loaded is None or len(loaded.snapshot.organizations) != size:
        raise RuntimeError("the copy is not what was written")
    figures = {
        "start from disk, CPU s": spent.cpu,
        "start from disk, wall s": spent.wall,
        "memory of the process before, MB": before,
        "memory after the start, MB": _megabytes("VmRSS"),
        "most memory while starting, MB": _megabytes("VmHWM"),
    }
    snapshot, names = loaded.snapshot, [name_of(secrets.randbelow(size)) for _ in range(SAMPLES)]
    get = snapshot.organizations.get
    figures["first look at an organization, µs"] = _median(lambda number: get(names[number]), min(SAMPLES, size)) * 1e6
    each = 50
    looking = _median(lambda _: [get(name) for name in names], each) / SAMPLES
    figures["look at an organization, ns"] = looking * 1e9
    change = _suspended(0, snapshot.revision)
    figures["folding one change, µs"] = _median(lambda _: fold(snapshot, change), each) * 1e6
    waited = []
    for number in range(each):
        page = _suspended(number, snapshot.revision)
        snapshot = fold(snapshot, page)
        clock = time.perf_counter()
        disk.store(snapshot, heard_at=time.time(), page=page)
        waited.append(time.perf_counter() - clock)
    figures["one change to disk, fsync included, wall ms"] = statistics.median(waited) * 1000
    return figures


def _suspended(number: int, revision: int) -> Page:
    (trust,) = fold(EMPTY, _page([document_of(number) | {"revision": 1}], 0, 1)).organizations.values()
    changed = type(trust)(trust.organization, revision + 1, True, trust.subscription, trust.server)  # noqa: FBT003 - suspended.
    return Page("e1", revision, revision + 1, complete=True, changes=(changed,))


def all_asked(size: int, copy: Path) -> Figures:
    """Every organization asked about once, and a signature checked by one of its keys."""
    import gc  # noqa: PLC0415 - as above.

    from watchword.verifier.disk.copy import DiskCopy  # noqa: PLC0415 - as above.

    loaded = DiskCopy(copy).load(now=time.time())
    if loaded is None:
        raise RuntimeError("there is no copy")
    for trust in loaded.snapshot.organizations.values():
        if trust.server is not None:
            _ = trust.server.keys[0].public_key
    spent = Spent()
    gc.collect()
    return {
        "memory when all were asked about, MB": _megabytes("VmRSS"),
        "garbage collection then, CPU ms": spent.cpu * 1000,
    }


def catch_up(size: int, copy: Path) -> Figures:
    """Follow the feed from nothing: pages of 500 are decoded, every key admitted, folded, written to disk."""
    from watchword.verifier.disk.copy import DiskCopy  # noqa: PLC0415 - as above.
    from watchword.verifier.feed_client.follower import FeedClient  # noqa: PLC0415 - as above.
    from watchword.verifier.snapshot import CurrentSnapshot  # noqa: PLC0415 - as above.

    # This process writes figures to where the log would go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    feed, current = _Feed(size), CurrentSnapshot(hard_limit=86_400)
    client = FeedClient(feed=feed, current=current, disk=DiskCopy(copy.with_name("caught-up.json")))
    spent = Spent()
    while current.view is None:
        client.step()
        if not client.connected:
            raise RuntimeError("the feed was refused")
    return {
        "feed from nothing, CPU s": spent.cpu - feed.spent,
        "feed, each organization, CPU µs": (spent.cpu - feed.spent) / size * 1e6,
        "feed from nothing, MB": feed.sent / 1e6,
        "most memory while following, MB": _megabytes("VmHWM"),
    }


class _Feed:
    """The control plane's side, and what it costs, which is not the verifier's."""

    origin = "https://portal.example"

    def __init__(self, size: int) -> None:
        self._size = size
        self.spent = 0.0
        self.sent = 0

    def changes(self, *, epoch: str, after: int, wait: int, **_: object) -> bytes:  # noqa: ARG002 - as the protocol has it.
        spent = Spent()
        upto = min(after + PAGE_LENGTH, self._size)
        page = encode_page(Page("e1", after, upto, upto == self._size, ()))
        body = json.dumps({**page, "changes": [document_of(number) for number in range(after, upto)]}).encode()
        self.spent += spent.cpu
        self.sent += len(body)
        return body

    def report_unknown_keys(self, report: bytes) -> None:
        """No request asks."""


def _page(documents: Sequence[dict[str, Any]], after: int, revision: int) -> Page:
    from watchword.feed import decode_page  # noqa: PLC0415 - as above.

    return decode_page({**encode_page(Page("e1", after, revision, complete=True, changes=())), "changes": documents})


# ------------------------------------------------------------------ the control plane, on both databases


def _control_planes(size: int) -> dict[str, Figures]:
    from kit.postgres import postgres  # noqa: PLC0415 - as above.

    with tempfile.TemporaryDirectory(prefix="watchword-bench-") as folder, postgres() as cluster:
        found = {}
        for name, url in (("SQLite", None), ("PostgreSQL", cluster.create_database())):
            (data := Path(folder) / name).mkdir()
            environment = {
                "DJANGO_SETTINGS_MODULE": "watchword.control.settings",
                "WATCHWORD_DATA_DIR": str(data),
                **({"WATCHWORD_DATABASE_URL": url} if url else {}),
            }
            found[name] = _in_child("control", size, data, environment)
        return found


def control(size: int, _: Path) -> Figures:
    """What a page, a catch-up and a change cost."""
    import django  # noqa: PLC0415 - after the settings of this process are known.

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - as above.
    from django.db import connection  # noqa: PLC0415 - as above.

    from bench.control_rows import fill, heard_after  # noqa: PLC0415 - as above.
    from watchword.control.base.actor import command_line  # noqa: PLC0415 - as above.
    from watchword.control.fleet import queries  # noqa: PLC0415 - as above.
    from watchword.control.organizations.commands import Suspend  # noqa: PLC0415 - as above.
    from watchword.control.organizations.models import SuspensionReason  # noqa: PLC0415 - as above.

    call_command("migrate", verbosity=0)
    fill(size)
    if connection.vendor == "postgresql":
        # What its own daemon does soon after so many rows. SQLite has no such daemon, and gets none here.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    epoch, middle = queries.head().epoch, size // 2
    figures = {"a page of 500, CPU ms": _median(lambda _: queries.read_page(epoch, middle), 20) * 1000}
    spent, after, sent = Spent(), 0, 0
    while (body := queries.read_page(epoch, after)) is not None:
        sent += len(body)
        after = json.loads(body[: body.index(b'"changes"')].rstrip(b", ") + b"}")["revision"]
    figures |= {
        "a full catch-up, CPU s": spent.cpu,
        "a full catch-up, wall s": spent.wall,
        "a full catch-up, MB": sent / 1e6,
        "the feed's head, CPU ms": _median(lambda _: queries.head(), 50) * 1000,
    }

    def suspend(number: int) -> None:
        organization = name_of(1 + 2 * number)
        Suspend(organization_id=organization, reason=SuspensionReason.TERMS_VIOLATED).run(command_line())

    waited = []
    for number in range(50):
        spent = Spent()
        suspend(number)
        waited.append((spent.wall, spent.cpu))
    figures["one change of trust, wall ms"] = statistics.median(wall for wall, _ in waited) * 1000
    figures["one change of trust, CPU ms"] = statistics.median(cpu for _, cpu in waited) * 1000
    figures["from its commit to the waiting verifier, wall ms"] = (
        heard_after(lambda number: suspend(50 + number)) * 1000
    )
    return figures


MEASURES: Final = {each.__name__: each for each in (store, start, all_asked, catch_up, control)}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in MEASURES:
        sys.stdout.write(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main(quick="--quick" in sys.argv, large="--large" in sys.argv)
