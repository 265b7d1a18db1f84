"""Make ``docs/worlds.md`` and its pictures: foreign worlds, and the sounds that only they have.

Run ``python docs/make_worlds.py`` after a change of :mod:`psm.earth.worlds`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_sounds import spectrogram
from PIL import Image
from scipy.stats import spearmanr

from psm.earth.layers import Layers
from psm.earth.painted_imagery import PaintedImagery
from psm.earth.placing import REGION_BUFFER_KM
from psm.earth.sampling import sample_places
from psm.earth.sounds import SOUNDS
from psm.earth.soundscape import probability
from psm.earth.worlds import OUR_EARTH, World, world_named
from psm.earth.worlds.otherrules import NEW_SOUNDS, UNLIKE

FOLDER = Path(__file__).parent
NAMES = ("kepler", "vulcan", "tatooine")
PLACES = ((48.86, 2.35), (45.4, 11.9), (-33.9, 151.2), (-4.0, -65.0), (38.9, -98.6), (24.0, 10.0))

PAGE = """# Foreign worlds

A model meets recordings of a place that is not like what it learnt from: other species, other
seasons, other recorders, other words. Whether it [begins anew or
adapts](training.md#beginning-with-a-trained-model) can be tried on worlds whose truth is known:

    psm earth world kepler
    psm earth build --world kepler --out runs/kepler
    psm earth build --world kepler --region 100,-10,125,8 --recordings 5000 --out runs/kepler-borneo
    psm earth listen --world kepler 62 28 --month 1 --hour 2
    psm evaluate --maps --model MODEL --data runs/kepler
    psm map "{asked}" --truth --model MODEL

Any word is a world, drawn by it: the same word is always the same world, and upper and lower case
are one. The ground is ours, with its coasts, climates, towns and [28 sounds](sounds.md). What
differs:

| | |
|---|---|
| strengths | eight sounds are 1.7 to 3.5 times as strong, or as weak |
| seasons | four sounds come two to four months earlier or later |
| hours | five sounds come two to four hours earlier or later |
| unlike ours | two sounds follow [other rules](#sounds-unlike-ours) altogether |
| new | two sounds that our Earth [lacks](#sounds-that-our-earth-lacks) |
| imagery | white balance, saturation, gamma and haze; autumn in one hemisphere |
| recorders | response, hiss, hum, automatic gain and clipping, over the colours of the archives |
| wording | half of our phrases for each sound, other words in them, other sentences around them |

No sound is changed in more than one way. `earth.json` in the folder names the world, and whatever
reads the folder goes by it: the truth of maps, oracles, calibration and the provenance of a model
that learns there (“simulated Earth, world kepler”). `psm map` shows a model the world that it
learnt last, and `--truth` takes that too; `--imagery blue-marble:kepler` is how it looks, where
another model is asked. With one seed, places and splits are those of our Earth, unless a region is
asked for: no test place of a world was in our training. In code,
`psm.earth.worlds.world_named("kepler")` is the world, with its rules, and
`psm.earth.soundscape.true_probability(..., world=world)` its truth.

`--region` takes what [maps take](regions.md): a place, a circle, a bbox or a file. A region is
split by blocks, with {buffer} km between the splits: closest views share no pixel, those of zoom 3
and 5 may. It needs room: a country of some hundred kilometres will do, a town will not.

![Six places on our Earth, and below on {names}](worlds.webp)

Six places: on our Earth, and below on {names}. Rank correlation of the true probabilities of our
sounds there with those here, over {count:,} places and times: {alike}.

## kepler

{kepler}

## Sounds that our Earth lacks

| sound | spectrogram | where and when |
|---|---|---|
{new}

## Sounds unlike ours

| sound | where and when |
|---|---|
{unlike}
"""


def picture() -> Image.Image:
    """Places of our Earth in a row, and the same on every world."""
    rows = []
    for name in ("", *NAMES):
        imagery = PaintedImagery.load(world_named(name).look)
        tiles = [imagery.tile(lat=lat, lon=lon) for lat, lon in PLACES]
        rows.append(np.concatenate([np.pad(t, ((0, 4), (0, 4), (0, 0))) for t in tiles], axis=1))
    whole = Image.fromarray(np.concatenate(rows))
    return whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.BOX)


def alike(world: World, count: int = 4000) -> str:
    """Rank correlations with our Earth: of sounds that are changed, and of all."""
    places = sample_places(count, 1)
    ground = Layers.load().at(lat=places.lat, lon=places.lon)
    ours, theirs = (
        probability(one.odds(ground, month=places.month, hour=places.hour))[:, : len(SOUNDS)]
        for one in (OUR_EARTH, world)
    )
    rank = [float(spearmanr(ours[:, k], theirs[:, k]).statistic) for k in range(len(SOUNDS))]
    unlike = [d.subject for d in world.differences if d.about == "unlike ours"]
    lowest = ", ".join(f"{name} {rank[world.column(name)]:.2f}" for name in unlike)
    return f"{world.name} {np.median(rank):.2f} in the median, {lowest}"


def told(world: World) -> str:
    """What `psm earth world` says, as a list."""
    return "\n".join(
        f"- **{about}**: " + " ".join(f"{one[:1].upper()}{one[1:]}" for one in sentences)
        for about, sentences in world.description.items()
    )


def main() -> None:
    """Write the page and its pictures."""
    picture().save(FOLDER / "worlds.webp", quality=80)
    rows = []
    for new in NEW_SOUNDS:
        sound, name = new.rule.sound, f"{new.rule.sound.replace(' ', '-')}.png"
        spectrogram(sound).quantize(64).save(FOLDER / "sounds" / name, optimize=True)
        rows.append(
            f"| **{sound}**<br>asked for as “{new.phrases.names[0]}” "
            f"| ![spectrogram of {sound}](sounds/{name}) | {new.rule.statement} |"
        )
    worlds = [world_named(name) for name in NAMES]
    page = PAGE.format(
        asked=worlds[0].queries[worlds[0].sounds[-1]],
        buffer=f"{REGION_BUFFER_KM:.0f}",
        names=", ".join(NAMES),
        count=4000,
        alike="; ".join(map(alike, worlds)),
        kepler=told(worlds[0]),
        new="\n".join(rows),
        unlike="\n".join(f"| **{rule.sound}** | {rule.statement} |" for rule in UNLIKE),
    )
    (FOLDER / "worlds.md").write_text(page)


if __name__ == "__main__":
    main()
