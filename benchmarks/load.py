"""A bounded load from this process: 16 clients on loopback, each a keep-alive connection."""

import http.client
import statistics
import threading
import time
from urllib.parse import urlsplit


def run(url: str, cookie: str = "", clients: int = 16, seconds: float = 5.0) -> tuple[float, float]:
    """(requests per second, p95 in ms) of GET `url`, with a cookie or as a stranger; raises on any answer but 200."""
    parts = urlsplit(url)
    times: list[list[float]] = [[] for _ in range(clients)]
    failures: list[str] = []
    headers = {"Cookie": cookie} if cookie else {}
    end = time.monotonic() + seconds

    def one(mine: list[float]) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        while time.monotonic() < end:
            started = time.perf_counter()
            connection.request("GET", parts.path or "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"{answer.status}")
                return
            mine.append(time.perf_counter() - started)

    threads = [threading.Thread(target=one, args=(t,)) for t in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"answers that were not 200: {failures[:3]}")
    flat = sorted(t for mine in times for t in mine)
    return len(flat) / seconds, statistics.quantiles(flat, n=20)[-1] * 1000
