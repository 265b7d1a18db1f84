"""Load on a running `psm serve`, over loopback: tiles and questions a second, latencies, leaks.

    python benchmarks/serving.py STORE [STORE…] --model MODEL

The stores have to be prepared (`psm prepare`). The server is a process of its own, the client
another; both share the machine. Prints a table, and what memory and file descriptors the server had
before and after 1,000 mixed requests, a fifth of them wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import soundfile

_SOUNDS = ("frogs", "church bells", "rain", "wind", "traffic", "owls", "crickets", "waves")


class Connection:
    """One client that keeps its connection, with as little work of its own as can be."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, path: str, *, method: str = "GET", body: bytes = b"", kind: str = ""
    ) -> tuple[int, float]:
        """Status, and seconds until the last byte."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        start = time.perf_counter()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\nContent-Type: {kind}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(lines.split(" ", 2)[1])
        length = re.search(r"content-length: (\d+)", lines)
        if length:
            await reader.readexactly(int(length[1]))
        if "connection: close" in lines:
            self.close()
        return status, time.perf_counter() - start

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


def tile(store: str, question: dict[str, object], z: int) -> str:
    x, y = random.randrange(2**z), random.randrange(2**z)
    words = urlencode({**question, "min": 0, "max": 0.5})
    return f"/api/v1/stores/{store}/tiles/probability/{z}/{x}/{y}.png?{words}"


def question(*, text: str | None = None, hour: float | None = None) -> dict[str, object]:
    return {
        "text": text or random.choice(_SOUNDS),
        "month": random.randrange(1, 13),
        "hour": round(random.uniform(0, 23.9), 2) if hour is None else hour,
    }


def recording(seconds: float = 3.0) -> bytes:
    out = io.BytesIO()
    noise = 0.1 * np.random.default_rng(random.randrange(2**31)).standard_normal(
        int(seconds * 32_000)
    )
    soundfile.write(out, noise, 32_000, format="WAV", subtype="PCM_16")
    return out.getvalue()


def form(data: bytes) -> tuple[bytes, str]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


async def measure(
    name: str, server: tuple[str, int], paths: list[str], clients: int
) -> dict[str, object]:
    """All paths, by several clients at once."""
    waiting, seconds, statuses = list(reversed(paths)), [], []

    async def client() -> None:
        connection = Connection(*server)
        while waiting:
            status, took = await connection.ask(waiting.pop())
            statuses.append(status)
            seconds.append(took)
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    total = time.perf_counter() - start
    p50, p95, p99 = (1000.0 * np.quantile(seconds, q) for q in (0.5, 0.95, 0.99))
    row = {
        "what": name, "clients": clients, "requests": len(paths),
        "per_s": round(len(paths) / total, 1), "p50_ms": round(p50, 1), "p95_ms": round(p95, 1),
        "p99_ms": round(p99, 1), "errors": sum(status not in (200, 304) for status in statuses),
    }  # fmt: skip
    print(json.dumps(row), flush=True)
    return row


def mixed(store: str, count: int) -> list[tuple[str, str, bytes, str]]:
    """Requests of every kind; every fifth is wrong."""
    base = f"/api/v1/stores/{store}"
    wrong = [
        ("GET", f"{base}/answer?month=5", b"", ""),
        ("GET", f"{base}/answer?text=frogs&hour=99", b"", ""),
        ("GET", "/api/v1/stores/nowhere/answer?text=a", b"", ""),
        ("GET", f"{base}/tiles/probability/2/9/9.png?text=a", b"", ""),
        ("GET", f"{base}/answer?audio=../../etc/passwd", b"", ""),
        ("GET", "/assets/../../../etc/passwd", b"", ""),
        ("PUT", f"{base}/answer", b"", ""),
        ("POST", "/api/v1/audio", *form(b"no audio")),
        ("POST", "/api/v1/audio", *form(recording()[:50_000])),
        ("POST", "/api/v1/audio", *form(b"fLaC" + random.randbytes(5000))),
    ]
    found = []
    for number in range(count):
        if number % 5 == 0:
            found.append(wrong[number // 5 % len(wrong)])
            continue
        asked = urlencode(question())
        place = f"lat={random.uniform(-60, 70):.2f}&lon={random.uniform(-180, 180):.2f}"
        found.append(
            random.choices(
                [
                    ("GET", tile(store, question(), random.randrange(5)), b"", ""),
                    ("GET", f"{base}/answer?{asked}", b"", ""),
                    ("GET", f"{base}/value?{asked}&{place}", b"", ""),
                    ("GET", f"{base}/profile?{asked}&{place}", b"", ""),
                    ("GET", f"{base}/places?{asked}", b"", ""),
                    ("GET", f"{base}/map.tif?{asked}", b"", ""),
                    ("GET", f"/base/3/{random.randrange(8)}/{random.randrange(8)}.webp", b"", ""),
                    ("POST", "/api/v1/audio", *form(recording())) if number % 50 == 1 else
                    ("GET", "/api/v1/suggestions?prefix=c", b"", ""),
                ],
                weights=[50, 10, 10, 5, 5, 1, 10, 5],
            )[0]
        )  # fmt: skip
    return found


async def mixture(server: tuple[str, int], store: str, count: int, clients: int) -> dict[str, int]:
    """The mixed requests; returns how many of each hundred of statuses."""
    waiting, statuses = mixed(store, count), []

    async def client() -> None:
        connection = Connection(*server)
        while waiting:
            method, path, body, kind = waiting.pop()
            status, _ = await connection.ask(path, method=method, body=body, kind=kind)
            statuses.append(status)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return {f"{k}xx": sum(status // 100 == k for status in statuses) for k in (2, 3, 4, 5)}


def resources(pid: int) -> dict[str, float]:
    """Memory and file descriptors of the server, as Linux counts them."""
    status = Path(f"/proc/{pid}/status").read_text()
    kb = int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
    return {"rss_mb": round(kb / 1024), "fds": len(list(Path(f"/proc/{pid}/fd").iterdir()))}


async def run(server: tuple[str, int], store: str, pid: int, tiles: int) -> None:
    one = question(text="frogs", hour=12.0)
    shown = [tile(store, one, 3) for _ in range(64)]
    await measure(f"{store}: first tiles of a map (cold)", server, shown, 1)
    await measure(f"{store}: tiles, warm, one by one", server, shown * (tiles // 128), 1)
    await measure(f"{store}: tiles, warm, sustained", server, shown * (tiles // 64), 8)
    hours = [
        f"/api/v1/stores/{store}/value?lat=10&lon=10&{urlencode(question(text='frogs'))}"
        for _ in range(100)
    ]
    await measure(f"{store}: another hour", server, hours, 1)
    steps = [question(text="frogs", hour=h / 4) for h in range(96)]
    await measure(f"{store}: a tile of another hour", server, [tile(store, q, 2) for q in steps], 1)
    new = [
        f"/api/v1/stores/{store}/answer?{urlencode(question(text=f'{sound} {number}'))}"
        for number in range(25)
        for sound in _SOUNDS
    ]
    await measure(f"{store}: new questions", server, new, 4)
    await mixture(server, store, 300, 8)  # whatever is loaded once is loaded now
    for count in (1000, 1000):
        before = resources(pid)
        statuses = await mixture(server, store, count, 8)
        await asyncio.sleep(1.0)
        print(json.dumps({"mixed": count, **statuses, "before": before, "after": resources(pid)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="+")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tiles", type=int, default=1280)
    options = parser.parse_args()
    random.seed(0)
    command = [sys.executable, "-m", "psm.cli", "serve", *options.stores, "--model", options.model]
    command += ["--port", "0", "--rate", "1000000"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        words = ""
        for line in process.stderr:
            words += line
            found = re.search(r"http://([^:]+):(\d+)", line)
            if found:
                break
        else:
            sys.exit(words)
        server = found[1], int(found[2])
        for url in options.stores:
            store = re.sub(r"[^a-z0-9]+", "-", Path(url).stem.lower()).strip("-")
            asyncio.run(run(server, store, process.pid, options.tiles))
    finally:
        process.send_signal(signal.SIGINT)
        print(f"ended with {process.wait(30)}")


if __name__ == "__main__":
    main()
