"""What a server says of questions that its model cannot know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from starlette.testclient import TestClient

from psm.calibration import curves_of
from psm.model import PSM
from psm.server import ServerState, Settings, create_app
from psm.server.served import open_all
from psm.server.sounds import Vocabulary
from tests.familiar import knowing_phrases

STORE = "/api/v1/stores/world"
RATE = 0.03


@pytest.fixture
def state(model: PSM, stores: tuple[str, str]) -> Iterator[ServerState]:
    """A server whose model is familiar with all sounds but one, and with no recording."""
    phrases = Vocabulary.of_earth().sounds[1:]
    model.familiarity = knowing_phrases(model, phrases, least=0.7, rate=RATE)
    yield ServerState(model, open_all(stores, model), Settings(rate_per_s=1e6, burst=1e6))
    model.familiarity = None


@pytest.fixture
def knowing(state: ServerState) -> Iterator[TestClient]:
    """The server itself."""
    with TestClient(create_app(state=state)) as client:
        yield client


def test_an_answer_says_how_familiar_its_question_is(knowing: TestClient) -> None:
    known, strange = (
        knowing.get(f"{STORE}/answer", params={"text": text}).json()
        for text in ("thunder", "asdfgh qwerty")
    )
    assert known["familiarity"]["is_familiar"]
    assert known["familiarity"]["nearest"][0]["text"] == "thunder"
    assert known["familiarity"]["statement"] == ""
    assert not strange["familiarity"]["is_familiar"]
    assert "asdfgh qwerty” is unlike anything" in strange["familiarity"]["statement"]
    assert strange["range"]["probability"][1] <= RATE


def test_a_profile_says_it_too(knowing: TestClient) -> None:
    asked = "text=asdfgh+qwerty&lat=48.2&lon=16.4"
    found = knowing.get(f"{STORE}/profile?{asked}").json()
    assert not found["familiarity"]["is_familiar"]
    assert max(map(max, found["probability"])) <= RATE


def test_an_answer_that_may_be_held_down_has_another_etag(state: ServerState, model: PSM) -> None:
    store = state.stores["world"]
    before = state.etag(store, "frogs")
    model.familiarity = None
    assert state.etag(store, "frogs") != before


def test_a_model_that_does_not_say_is_null(client: TestClient) -> None:
    found = client.get(f"{STORE}/answer", params={"text": "asdfgh qwerty"}).json()
    assert found["familiarity"] is None


def test_a_sound_of_the_vocabulary_that_the_model_does_not_know_is_held_down(
    state: ServerState, model: PSM
) -> None:
    answers = state.answers
    distance = torch.full((1, len(answers.vocabulary.sounds)), 0.5)
    free = curves_of(model, None, answers.sounds)(distance)[0]
    held = answers.sound_curves(distance)[0]
    torch.testing.assert_close(held[0], RATE * free[0])
    torch.testing.assert_close(held[1:], free[1:])


def test_an_uploaded_recording_is_as_familiar_as_a_file(
    knowing: TestClient, recording: bytes
) -> None:
    upload = knowing.post("/api/v1/audio", files={"file": ("noise.wav", recording)}).json()
    found = knowing.get(f"{STORE}/answer", params={"audio": upload["id"]}).json()
    assert found["familiarity"]["statement"].startswith("noise.wav is unlike")
