/** What the colours mean, and which of them are shown. */

import { useEffect, useRef } from "preact/hooks";
import { colourRange, ranges } from "../answers";
import { certaintyAlpha, colourAt, percent, percentIn, gradient, type Range } from "../colour";
import { base, change, isPlaying, layerWords, paletteOf, palettes, probabilityPalette, store, theme, uncertaintyPalette, view } from "../state";
import { type Display, layerOf, LAYERS, type Which } from "../url";
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
      <span>{range[0] === 0 ? "0" : `≤ ${percentIn(range[0], range)}`}</span>
      <span>{percentIn(middle, range)}</span>
      <span>≥ {percentIn(range[1], range)}</span>
    </div>
  );
}

/** What the colours are called, and where the sound lies on average. */
function Words({ which, range: [low, high] }: { which: Which; range: Range }) {
  const scale = ranges[which].value.data;
  if (!scale?.words.length || scale.base_rate === null || layerOf(view.value.layer) !== LAYERS[0]) return null;
  const at = (value: number) => `${(100 * (value - low)) / (high - low)}%`;
  const parts = scale.words.filter(({ least }) => least < high);
  return (
    <>
      <div class="scale-words" aria-hidden="true">
        <i class="scale-mark" style={{ left: at(scale.base_rate) }} />
        {parts.map(({ least, word }, i) => {
          const end = parts[i + 1]?.least ?? high;
          return <span key={word} style={{ left: at(least), width: `${(100 * (end - least)) / (high - low)}%` }}>{word}</span>;
        })}
      </div>
      <p class="dim scale-mean">
        {scale.is_rare && <b>Rare everywhere. </b>}▾ {percent(scale.base_rate)} on average over land and time
      </p>
    </>
  );
}

const MOST_RELATIVE = 3;

/** Probability to the right, relative uncertainty downwards: what is unsure fades. */
function Square({ css }: { css: readonly string[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const { width, height } = context.canvas;
    const image = context.createImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const alpha = Math.round(255 * certaintyAlpha((MOST_RELATIVE * y) / (height - 1), 1));
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
  if (!range) return <div class="scale is-waiting" aria-hidden="true"><div class="strip" /></div>;
  const words = `${percentIn(range[0], range)} to ${percentIn(range[1], range)}`;
  return (
    <div class="scale" role="img" aria-label={`Colours from ${words}`}>
      {layer === "both" ? (
        <Square css={probabilityPalette.value.css} key={theme.value} />
      ) : (
        <div class="strip" style={{ background: gradient(paletteOf(layerOf(layer)).css) }} />
      )}
      <Words which={which} range={range} />
      <Ticks range={range} />
      {layer === "both" && <p class="dim scale-mean">Paler where less sure, below: {MOST_RELATIVE} times as unsure as likely</p>}
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
      {store.value?.has_scale && (
        <label class="check">
          <input
            type="checkbox"
            checked={view.value.isStretched}
            onChange={(event) => change({ isStretched: event.currentTarget.checked })}
          />
          stretch the colours over this map
        </label>
      )}
      <p class="attribution">{[base.value?.attribution, store.value?.attribution].filter(Boolean).join(" · ")}</p>
    </section>
  );
}
