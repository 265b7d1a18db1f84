"""A published folder: the page, its stores and a table of phrases, as the API would answer."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from psm.errors import ConfigError, OutputError
from psm.model import PSM
from psm.server import ServerState, Settings
from psm.server.publishing.folder import MARK, publish
from psm.server.publishing.table import rounded
from psm.server.served import open_all

STORE = "api/v1/stores/world"
PHRASES = ("frogs croaking", "church bells", "road traffic")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "phrases.txt"
    path.write_text("\n".join(PHRASES))
    return path


@pytest.fixture(scope="module")
def state(model: PSM, stores: tuple[str, str], words: Path) -> ServerState:
    settings = Settings(vocabulary=words, prepare=False)
    return ServerState(model, open_all(stores[:1], model), settings)


@pytest.fixture(scope="module")
def folder(state: ServerState, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "site"
    made = publish(state, out, title="Frogs & <bells>")
    assert made.phrases == len(PHRASES)
    assert made.size_bytes == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return out


def test_files_are_what_the_api_answers(folder: Path, client: TestClient) -> None:
    (about,) = json.loads((folder / "api/v1/stores.json").read_text())
    assert about == client.get("/api/v1/stores").json()[0]
    for name in ("models", "colours", "layers"):
        answered = client.get(f"/api/v1/{name}").json()
        assert json.loads((folder / f"api/v1/{name}.json").read_text()) == answered
    for name in ("coefficients.json", "coefficients.bin"):
        assert (folder / STORE / name).read_bytes() == client.get(f"/{STORE}/{name}").content
    names = "coefficients.names.json"
    packed = (folder / STORE / names).read_bytes()
    assert gzip.decompress(packed) == client.get(f"/{STORE}/{names}").content


def test_phrases_have_the_numbers_and_the_colours_of_the_api(
    folder: Path, client: TestClient
) -> None:
    table = json.loads((folder / STORE / "phrases.json").read_text())
    assert [phrase["text"] for phrase in table["phrases"]] == list(PHRASES)
    assert table["sounds"] == len(PHRASES)
    for phrase in table["phrases"]:
        question = {"text": phrase["text"]}
        said = rounded(client.get(f"/{STORE}/answer", params=question).json())
        assert {**table["numbers"], "terms": phrase["terms"]} == said["numbers"]
        assert table["answer"].items() <= said.items()
        assert phrase["range"] == rounded(client.get(f"/{STORE}/range", params=question).json())


def test_the_page_knows_that_it_is_published_and_asks_no_other_site(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    assert f'<meta name="{MARK}"' in page
    assert "<title>Frogs &amp; &lt;bells&gt;</title>" in page
    assert 'property="og:description"' in page
    assert "default-src 'self'" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://127.0.0.1", "")
    assert len(list(folder.glob("base/*/*/*.webp"))) == 1 + 4 + 16 + 64
    base = json.loads((folder / "api/v1/base.json").read_text())
    assert not base["tiles"].startswith("/")
    told = (folder / "README.txt").read_text()
    for words in ("Frogs & <bells>", "http.server", "world", "Blue Marble"):
        assert words in told


def test_a_published_folder_is_replaced_and_any_other_is_refused(
    state: ServerState, folder: Path, tmp_path: Path
) -> None:
    (folder / "index.html").touch()
    publish(state, folder, title="Frogs & <bells>")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds something else"):
        publish(state, mine)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_a_store_that_no_page_can_draw_is_refused_with_what_to_do(
    model: PSM, stores: tuple[str, str], tmp_path: Path
) -> None:
    state = ServerState(model, open_all(stores, model), Settings(prepare=False))
    with pytest.raises(ConfigError, match=r"slow\.zarr: is not prepared for .*run psm prepare"):
        publish(state, tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("phrase", ["-traffic", "frogs, toads", "frogs*many"])
def test_a_phrase_that_cannot_be_asked_is_named(
    model: PSM, stores: tuple[str, str], tmp_path: Path, phrase: str
) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text(f"{phrase}\n")
    settings = Settings(vocabulary=path, prepare=False)
    state = ServerState(model, open_all(stores[:1], model), settings)
    with pytest.raises(ConfigError, match=re.escape(phrase)):
        publish(state, tmp_path / "site")
    assert list(tmp_path.iterdir()) == [path]
