"""A throwaway PostgreSQL cluster for one test run, as an unprivileged user where the tests run as root."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

FLAGS = (
    "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=200"
    " -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB"
)
MEMORY, ENOUGH = Path("/dev/shm"), 2 << 30  # a cluster takes 80 MB, its log 128 MB more at most


def _binaries() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if not installed:
        raise RuntimeError("PostgreSQL is not installed: run bin/setup --dev")
    return installed[-1].parent


def _user() -> tuple[int, int] | None:
    """initdb refuses root: then the cluster belongs to `postgres`, or to `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return account.pw_uid, account.pw_gid
    raise RuntimeError("no unprivileged account to run PostgreSQL")


def _where() -> Path | None:
    """Files in memory where there is room: a clone is 300 small files, made and dropped for each test."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH else None


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster on a free port of 127.0.0.1; yields the URL without a database name."""
    binaries, account = _binaries(), _user()
    folder = Path(tempfile.mkdtemp(prefix="mps-pg-", dir=_where()))
    identity: dict[str, int] = {"user": account[0], "group": account[1]} if account else {}
    if account:
        os.chown(folder, *account)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, cwd="/", stdout=subprocess.DEVNULL, extra_groups=[] if account else None, **identity
        )  # type: ignore[call-overload]

    data = str(folder / "data")
    run(f"{binaries}/initdb", "--no-sync", "-A", "trust", "-U", "mps", "-E", "UTF8", "--locale=C", "-D", data)
    options = f"{FLAGS} -p {port} -h 127.0.0.1 -k {folder}"
    run(f"{binaries}/pg_ctl", "-w", "-D", data, "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://mps@127.0.0.1:{port}"
    finally:
        run(f"{binaries}/pg_ctl", "-w", "-m", "immediate", "-D", data, "stop")
        shutil.rmtree(folder, ignore_errors=True)
