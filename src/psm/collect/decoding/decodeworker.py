"""Entry point of a decoding process; see :mod:`psm.collect.decoding.pool`.

A line of JSON comes in, a line of JSON goes out. It imports little, so that it starts fast.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from psm.collect.decoding.clip import make
from psm.collect.decoding.job import Answer, DecodingJob, FileLimits, write_answer
from psm.collect.refusal import Refused
from psm.data.audio import AudioConfig
from psm.data.framing import Framing
from psm.data.untrusted import allow_cpu, confine
from psm.errors import MissingExtra
from psm.oserrors import UNWRITABLE

READY = b"ready\n"
_LARGEST_FILE_MB = 256  # a clip of minutes at the highest rate


def main() -> None:
    """Read what all files share, then job after job until there are no more."""
    said: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    framing = Framing(**{**said["framing"], "audio": AudioConfig(**said["framing"]["audio"])})
    limits = FileLimits(**said["limits"])
    # What libraries print must not look like an answer.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    confine(memory_mb=limits.memory_mb, file_mb=_LARGEST_FILE_MB)
    answers.write(READY)
    for line in sys.stdin.buffer:
        allow_cpu(limits.cpu_s)
        try:
            answers.write(
                write_answer(_answer(DecodingJob.from_json(json.loads(line)), framing, limits))
            )
        except MemoryError:
            answers.write(write_answer(Refused("takes too much memory to decode")))
            return  # who knows what is left half done in here


def _answer(job: DecodingJob, framing: Framing, limits: FileLimits) -> Answer:
    try:
        return make(job, framing, limits)
    except Refused as refused:
        return refused
    except MissingExtra as problem:
        return Refused(str(problem), may_pass=True)
    except OSError as problem:
        if problem.errno in UNWRITABLE:  # no fault of the recording: the build has to end
            return problem
        why = problem.strerror or type(problem).__name__
        return Refused("cannot be read or written here", may_pass=True, detail=why)


if __name__ == "__main__":
    main()
