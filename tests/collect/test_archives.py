"""The archives of the tests: always the same, and also a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

from tests.collect.loopback import Trouble, archives, make


def test_the_same_seed_makes_the_same_recordings() -> None:
    assert make(200, 3) == make(200, 3)
    assert make(200, 3) != make(200, 4)
    made = make(1000)
    assert len(made) == 1000
    assert len({one.key for one in made}) == 1000
    assert set(Counter(one.trouble for one in made)) == set(Trouble)
    assert len({one.sound for one in made}) < 1000  # some are in two archives


def test_the_same_recording_has_the_same_bytes() -> None:
    with archives(20) as first, archives(20) as second:
        for one, again in zip(first.made, second.made, strict=True):
            assert first.media(one) == second.media(again)


def test_too_fast_is_counted() -> None:
    with archives(10, requests_per_s=5.0) as server, httpx.Client() as client:
        address = f"{server.url}/inaturalist/v1/observations?sounds=true"
        answers = [client.get(address).status_code for _ in range(30)]
        counts = client.get(f"{server.url}/_counts").json()
    assert 429 in answers
    assert counts["past_limit"]["inaturalist"] == answers.count(429)
    assert counts["asked"]["inaturalist"] == 30


def test_they_can_be_a_process(tmp_path: Path) -> None:
    note = tmp_path / "served.json"
    command = [sys.executable, "-m", "tests.collect.loopback", "--recordings", "30",
               "--port-file", str(note), "--folder", str(tmp_path / "tables")]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            for _ in range(600):
                if note.exists():
                    break
                time.sleep(0.05)
            said = json.loads(note.read_text())
            url = f"{said['url']}/aporee/services/search/v1/scrape"
            found = httpx.get(url, params={"q": "collection:radio-aporee-maps", "count": 100})
            items = [one for one in make(30) if one.source == "aporee"]
            assert len(found.json()["items"]) == len(items)
            assert Path(said["options"]["yfcc"]["metadata"]).is_file()
            assert set(said["options"]) == {
                "aporee", "freesound", "inaturalist", "local", "xenocanto", "yfcc",
            }  # fmt: skip
        finally:
            process.kill()
