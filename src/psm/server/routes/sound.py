"""Routes of sound: recordings in, and the simulated Earth out."""

from __future__ import annotations

import io
from typing import Annotated

import soundfile
import torch
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from psm.gaussian import csd
from psm.inference.queries import recording_term
from psm.server.decoderpool import refusal
from psm.server.problems import Problem, documented
from psm.server.questions import ListenParams, Params
from psm.server.routes.common import AnswerRoute, StateOf, sound_models
from psm.server.schemas import UploadModel
from psm.server.state import ServerState
from psm.server.uploads import UploadedRecording, file_name, id_of, peaks

router = APIRouter(tags=["sound"], route_class=AnswerRoute)

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post(
    "/audio",
    status_code=201,
    openapi_extra=_FORM,
    responses=documented(400, 401, 408, 413, 415, 422, 429, 503),
)
async def upload(request: Request, state: StateOf, _: Annotated[Params, Query()]) -> UploadModel:
    """Take a recording, so that questions can name it by its id.

    The sound itself is not kept: a summary of it is, for an hour after its last use.
    """
    try:
        name, data = await _file(request)
        found = state.uploads.get(id_of(data)) or await _understood(state, name, data)
    except Problem as problem:
        state.metrics.refused.labels(f"{problem.status_code}").inc()
        raise
    state.uploads.put(found)
    return UploadModel(
        id=found.id,
        name=found.name,
        duration_s=round(found.duration_s, 3),
        waveform=list(found.peaks),
        heard=sound_models(found.heard),
        warning=found.warning,
    )


@router.get(
    "/listen",
    response_class=Response,
    responses={
        200: {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}},
        **documented(401, 404, 422, 429, 503),
    },
)
async def listen(state: StateOf, params: Annotated[ListenParams, Query()]) -> Response:
    """What a place of the simulated Earth sounds like, as WAV."""
    if not state.model.provenance.is_simulated:
        raise Problem(404, "The model is not of the simulated Earth.", kind="not-simulated")

    def render() -> bytes:
        from psm.earth.listen import SAMPLE_RATE_HZ, listen
        from psm.earth.worlds import world_named

        stay = listen(
            lat=params.lat, lon=params.lon, month=params.month, hour=params.hour,
            duration_s=params.seconds, seed=params.seed,
            world=world_named(state.model.provenance.world),
        )  # fmt: skip
        out = io.BytesIO()
        soundfile.write(out, stay.waveform, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
        return out.getvalue()

    content = await state.files.run(render)
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(content, headers=headers, media_type="audio/wav")


async def _file(request: Request) -> tuple[str, bytes]:
    """Name and bytes of the one file of a form.

    Raises:
        Problem: 415 no form; 400 a broken one; 422 no file in it; 413 too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, "Send the recording as multipart/form-data, in the field file.")
    try:
        form = await request.form(max_files=1, max_fields=4, max_part_size=4096)
    except Problem:
        raise
    except ClientDisconnect:  # nobody hears this, and nobody need read of it in the log
        raise Problem(400, "The recording was not sent whole.") from None
    except (HTTPException, ValueError, KeyError):
        raise Problem(400, "The form cannot be read: send one file in the field file.") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(422, "file: send one recording in this field.", kind="invalid")
        return file_name(file.filename), await file.read()
    finally:
        await form.close()


async def _understood(state: ServerState, name: str, data: bytes) -> UploadedRecording:
    """A recording in the space of the model.

    Raises:
        Problem: 415 not audio; 422 broken audio; 503 too much to do.
    """
    why = refusal(data)
    if why is not None:
        status = 415 if data else 422
        raise Problem(status, f"{name}: {why}.", kind="not-audio")
    framing = state.model.config.framing
    rate_hz = framing.audio.sample_rate_hz
    decoded = await state.uploads.decoder.decode(data, framing)
    waveform = decoded.waveform
    shown = await run_in_threadpool(peaks, waveform)

    def encode() -> UploadedRecording:
        with torch.inference_mode():
            encoded = recording_term(state.model, waveform)
            distance = csd(encoded.gaussian, state.answers.sounds)
            chance = state.answers.sound_curves(distance)[0].cpu().numpy()
        heard = tuple(state.vocabulary.likeliest(chance))
        seconds = len(waveform) / rate_hz
        return UploadedRecording(id_of(data), name, seconds, shown, encoded, heard, decoded.warning)

    return await state.worker.run(encode)
