"""Make ``docs/sounds.md``: the rule and a spectrogram of every sound of the simulated Earth.

Run ``python docs/make_sounds.py`` after a change of the rules or the synthesiser.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from psm.data.audio import AudioConfig, log_mel
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.rules import statement
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.synthesis import render
from psm.seeding import generator

FOLDER = Path(__file__).parent
HEAD = """# The sounds of the simulated Earth

Every sound is made by signal processing alone, from a seed, and is free to use. Where and when it
is heard follows from the rule beside it, a product of plain conditions on hidden layers (coast,
climate, relief, towns, roads, rivers, the sun), read as odds; a recording then holds one to three
sounds, drawn by their odds. The code is in `psm/earth/rules.py` and `psm/earth/synthesis/`. Listen
with `psm earth listen LAT LON --month M --hour H`.

The spectrograms show five seconds of one draw, 50 Hz to 14 kHz on the mel scale, dry and without
background; the next draw differs.

| sound | spectrogram | where and when |
|---|---|---|
"""


def spectrogram(sound: Sound) -> Image.Image:
    """A small picture of one draw of ``sound``."""
    config = AudioConfig()
    waveform = render(sound, generator(0, "docs", sound), config.clip_s, config.sample_rate_hz)
    mel = log_mel((0.1 * waveform)[None].astype(np.float32), config)[0].T[::-1]
    top = np.percentile(mel, 99.7)
    shade = np.clip((mel - (top - 60.0)) / 60.0, 0.0, 1.0)
    rgb = (matplotlib.colormaps["magma"](shade)[..., :3] * 255).astype(np.uint8)
    return Image.fromarray(rgb).resize((320, 128), Image.Resampling.BICUBIC)


def main() -> None:
    """Write the page and its pictures."""
    pictures = FOLDER / "sounds"
    pictures.mkdir(exist_ok=True)
    rows = []
    for sound in SOUNDS:
        name = f"{sound.replace(' ', '-')}.png"
        spectrogram(sound).quantize(64).save(pictures / name, optimize=True)
        rows.append(
            f"| **{sound}**<br>asked for as “{QUERY_PHRASES[sound]}” "
            f"| ![spectrogram of {sound}](sounds/{name}) | {statement(sound)} |"
        )
    (FOLDER / "sounds.md").write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
