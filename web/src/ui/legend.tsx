/** What the colours mean, and which of them are shown. */

import { useEffect, useRef } from "preact/hooks";
import { colourRange } from "../answers";
import { certaintyAlpha, colourAt, percentIn, gradient, type Range } from "../colour";
import { base, change, isPlaying, layerWords, paletteOf, palettes, probabilityPalette, store, theme, uncertaintyPalette, view } from "../state";
import { type Display, FADING, layerOf, LAYERS, type Which } from "../url";
import { Choice } from "./time";

const DISPLAYS: readonly (readonly [Display, string])[] = [
  ...LAYERS.map((id) => [id, capital(id)] as const),
  ["both", "Both"],
];

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Ticks({ range }: { range: Range }) {
  const middle = (range[0] + range[1]) / 2;
  return (
    <div class="ticks">
      <span>≤ {percentIn(range[0], range)}</span>
      <span>{percentIn(middle, range)}</span>
      <span>≥ {percentIn(range[1], range)}</span>
    </div>
  );
}

/** Probability to the right, uncertainty downwards: what is unsure fades. */
function Square({ css }: { css: readonly string[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const { width, height } = context.canvas;
    const image = context.createImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const alpha = Math.round(255 * certaintyAlpha(y / (height - 1)));
        image.data.set([...colourAt(css, x / (width - 1)), alpha], 4 * (y * width + x));
      }
    }
    context.putImageData(image, 0, 0);
  }, [css]);
  return <canvas class="square" ref={canvas} width={96} height={24} aria-hidden="true" />;
}

function Scale({ which }: { which: Which }) {
  const { layer } = view.value;
  const range = colourRange(which, layerOf(layer));
  const unsure = colourRange(which, FADING);
  if (!range) return <div class="scale is-waiting" aria-hidden="true"><div class="strip" /></div>;
  const words = `${percentIn(range[0], range)} to ${percentIn(range[1], range)}`;
  return (
    <div class="scale" role="img" aria-label={`Colours from ${words}`}>
      {layer === "both" ? (
        <div class="both">
          <Square css={probabilityPalette.value.css} key={theme.value} />
          <div class="both-axis">
            <span>sure ± {unsure && percentIn(unsure[0], unsure)}</span>
            <span>unsure ± {unsure && percentIn(unsure[1], unsure)}</span>
          </div>
        </div>
      ) : (
        <div class="strip" style={{ background: gradient(paletteOf(layerOf(layer)).css) }} />
      )}
      <Ticks range={range} />
    </div>
  );
}

export function Legend() {
  const { layer, b, isOneScale } = view.value;
  const hasTwo = b !== null && !isOneScale;
  const isMain = layerOf(layer) === LAYERS[0];
  const isCalibrated = store.value?.is_calibrated ?? false;
  return (
    <section class="legend card" aria-label="Display and legend" data-playing={isPlaying.value ? "yes" : "no"}>
      <Choice
        label="Display"
        name="layer"
        value={layer}
        options={DISPLAYS}
        onChange={(value: Display) => change({ layer: value })}
      />
      <div class="row legend-title">
        <span>
          {layerWords(layerOf(layer))}
          {isMain && !isCalibrated && <small class="dim"> · not calibrated</small>}
        </span>
        <select
          aria-label="Colours"
          value={probabilityPalette.value.id}
          hidden={!isMain}
          onChange={(event) => change({ colours: event.currentTarget.value })}
        >
          {palettes.value
            .filter(({ id }) => id !== uncertaintyPalette.value.id)
            .map(({ id, name }) => <option key={id} value={id}>{name.split(",")[0]}</option>)}
        </select>
      </div>
      {hasTwo && <b class="scale-side">A</b>}
      <Scale which="a" />
      {hasTwo && <b class="scale-side">B</b>}
      {hasTwo && <Scale which="b" />}
      {b && (
        <label class="check">
          <input
            type="checkbox"
            checked={isOneScale}
            onChange={(event) => change({ isOneScale: event.currentTarget.checked })}
          />
          same colours on both sides
        </label>
      )}
      <p class="attribution">{[base.value?.attribution, store.value?.attribution].filter(Boolean).join(" · ")}</p>
    </section>
  );
}
