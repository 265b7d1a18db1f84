/** What the colours mean, and which of them are shown. */

import { useEffect, useRef } from "preact/hooks";
import { colourRange, differenceRange, ranges, sidePalette } from "../answers";
import { certaintyAlpha, colourAt, percent, percentIn, gradient, type Range, widthAlpha } from "../colour";
import { mapCredits } from "../places/known";
import { change, chosenPalettes, differencePalette, isPlaying, knowsUncertainty, layerWords, probabilityPalette, store, theme, view } from "../state";
import { capital } from "../quantity/chooser";
import { quantityOf, WIDTH_WORDS } from "../quantity/quantities";
import { saidIn } from "../quantity/words";
import { hasSound, type Side } from "../question";
import { hasTruth, shownTruth, truths } from "../truth";
import { type Display, FADING, layerOf, LAYERS, type TruthShown, type Which } from "../url";
import { Choice } from "./time";

const DISPLAYS: readonly (readonly [Display, string])[] = [
  ...LAYERS.map((id) => [id, capital(id)] as const),
  ["both", "Both"],
];

const TRUTHS: readonly (readonly [TruthShown, string])[] = [["off", "Map"], ["truth", "Truth"], ["difference", "Difference"]];

/** The layers of a quantity, in the places of those of a sound. */
const QUANTITY_DISPLAYS: typeof DISPLAYS = DISPLAYS.map(([id]) => [id, id === "both" ? "Both" : id === LAYERS[0] ? "Value" : "Interval"]);

/** Whether two sides have colours of their own: by choice, or since they are of different things. */
function hasTwoScales(): boolean {
  const { a, b, isOneScale } = view.value;
  return b !== null && (!isOneScale || a.quantity !== b.quantity);
}

/** What a layer shows on a side, with its unit. */
function titleOf(side: Side): string {
  const layer = layerOf(view.value.layer);
  const quantity = quantityOf(side);
  if (!quantity) return layerWords(layer);
  return capital(layer === LAYERS[0] ? quantity.name : `${WIDTH_WORDS} of ${quantity.name}`) + (quantity.unit === "1" ? "" : `, ${quantity.unit}`);
}

function Ticks({ range, side }: { range: Range; side: Side }) {
  const middle = (range[0] + range[1]) / 2;
  // What a number can be at the most is nothing to be less or more than.
  const quantity = layerOf(view.value.layer) === LAYERS[0] ? quantityOf(side) : null;
  const [least, most] = quantity ? [quantity.low, quantity.high] : [0, null];
  const low = saidIn(side, range[0], range);
  const high = saidIn(side, range[1], range);
  return (
    <div class="ticks">
      <span>{range[0] === 0 && !quantity ? "0" : range[0] === least ? low : `≤ ${low}`}</span>
      <span>{saidIn(side, middle, range)}</span>
      <span>{range[1] === most ? high : `≥ ${high}`}</span>
    </div>
  );
}

function DifferenceTicks({ range: [, most] }: { range: Range }) {
  const end = percentIn(most, [0, most]);
  return (
    <>
      <div class="opposites" aria-hidden="true"><span>map too low</span><span>map too high</span></div>
      <div class="ticks">
        <span>≤ −{end}</span>
        <span>0</span>
        <span>≥ +{end}</span>
      </div>
    </>
  );
}

/** How far the map and its truth agree, as `psm map --truth` says it. */
function Agreement({ which }: { which: Which }) {
  const found = truths[which].found.value?.agreement;
  if (!found) return null;
  const { mean, true_mean, error, spearman, explained } = found;
  const name = view.value.b ? `${which.toUpperCase()}: m` : "M";
  return (
    <p class="dim scale-mean" data-testid="agreement">
      {name}ean {percent(mean)} on the map, {percent(true_mean)} in truth; mean difference {percent(error)}
      {spearman !== null && <>; rank correlation {spearman.toFixed(2).replace("-", "−")}</>}
      {explained !== null && <>; share of the variance explained {explained.toFixed(2).replace("-", "−")}</>}
    </p>
  );
}

/** The map, the truth, or what the map has more; only where a truth is known. */
function TruthChoice() {
  if (!hasTruth.value) return null;
  return (
    <>
      <Choice
        label="Truth"
        name="truth"
        value={shownTruth.value}
        options={TRUTHS}
        onChange={(truth) => change(truth === "off" ? { truth } : { truth, layer: LAYERS[0]! })}
      />
      {shownTruth.value !== "off" && (
        <>
          <Agreement which="a" />
          <Agreement which="b" />
          <p class="dim scale-mean">The truth is what the rules of the simulated Earth say, not the real one.</p>
        </>
      )}
    </>
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
function Square({ css, isWidth }: { css: readonly string[]; isWidth: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const { width, height } = context.canvas;
    const image = context.createImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const down = y / (height - 1);
        const alpha = Math.round(255 * (isWidth ? widthAlpha(down, [0, 1]) : certaintyAlpha(MOST_RELATIVE * down, 1)));
        image.data.set([...colourAt(css, x / (width - 1)), alpha], 4 * (y * width + x));
      }
    }
    context.putImageData(image, 0, 0);
  }, [css, isWidth]);
  return <canvas class="square" ref={canvas} width={96} height={24} aria-hidden="true" />;
}

function Scale({ which }: { which: Which }) {
  const { layer } = view.value;
  const range = colourRange(which, layerOf(layer));
  const side = view.value[which];
  if (!side) return null;
  if (!range) return <div class="scale is-waiting" aria-hidden="true"><div class="strip" /></div>;
  if (shownTruth.value === "difference") {
    const ends = differenceRange(range);
    return (
      <div class="scale" role="img" aria-label={`Colours from ${percentIn(-ends[1], ends)}, map too low, to ${percentIn(ends[1], ends)}, map too high`}>
        <div class="strip" style={{ background: gradient(differencePalette.value.css) }} />
        <DifferenceTicks range={ends} />
      </div>
    );
  }
  const words = `${saidIn(side, range[0], range)} to ${saidIn(side, range[1], range)}`;
  const isQuantity = side.quantity !== null;
  const widest = isQuantity && layer === "both" ? colourRange(which, FADING) : null;
  return (
    <div class="scale" role="img" aria-label={`Colours from ${words}`}>
      {layer === "both" ? (
        <Square css={sidePalette(side, LAYERS[0]!).css} isWidth={isQuantity} key={theme.value} />
      ) : (
        <div class="strip" style={{ background: gradient(sidePalette(side, layerOf(layer)).css) }} />
      )}
      <Words which={which} range={range} />
      <Ticks range={range} side={side} />
      {layer === "both" && !isQuantity && <p class="dim scale-mean">Paler where less sure, below: {MOST_RELATIVE} times as unsure as likely</p>}
      {widest && <p class="dim scale-mean">Paler where less sure, below: intervals {saidIn(side, widest[1], widest)} wide</p>}
    </div>
  );
}

/** The colours in one row, for a phone, where it stands below the map at all times. */
export function CompactLegend() {
  const { layer, a } = view.value;
  const truth = shownTruth.value;
  const name = truth === "off" ? layerOf(layer) : truth;
  const hasTwo = hasTwoScales();
  const isQuantity = quantityOf(a) !== null;
  return (
    <div class="legend-compact" data-testid="compact-legend">
      {(hasTwo || isQuantity || name !== LAYERS[0]) && <b>{isQuantity ? titleOf(a) : capital(name)}{hasTwo && " of A, then of B"}</b>}
      <Scale which="a" />
      {hasTwo && <Scale which="b" />}
    </div>
  );
}

export function Legend() {
  const { layer, a, b, isOneScale } = view.value;
  const hasTwo = hasTwoScales();
  const isMain = layerOf(layer) === LAYERS[0];
  const truth = shownTruth.value;
  const isCalibrated = store.value?.is_calibrated ?? false;
  return (
    <section class="legend card" aria-label="Display and legend" data-playing={isPlaying.value ? "yes" : "no"}>
      <Choice
        label="Display"
        name="layer"
        value={layer}
        options={hasSound(a) ? (knowsUncertainty.value ? DISPLAYS : DISPLAYS.slice(0, 1)) : QUANTITY_DISPLAYS}
        onChange={(value: Display) => change({ layer: value, truth: value === LAYERS[0] ? view.peek().truth : "off" })}
      />
      {!knowsUncertainty.value && hasSound(a) && <p class="dim">Uncertainty not known: the model gives points</p>}
      <TruthChoice />
      <div class="row legend-title">
        <span>
          {truth === "off" ? (hasTwo && b && a.quantity !== b.quantity ? "Two kinds of numbers" : titleOf(a)) : truth === "truth" ? "true probability" : "map minus truth"}
          {isMain && a.quantity === null && truth !== "truth" && !isCalibrated && <small class="dim"> · not calibrated</small>}
        </span>
        <select
          aria-label="Colours"
          value={probabilityPalette.value.id}
          hidden={!isMain || truth === "difference" || Boolean(quantityOf(a)?.is_diverging)}
          onChange={(event) => change({ colours: event.currentTarget.value })}
        >
          {chosenPalettes.value.map(({ id, name }) => <option key={id} value={id}>{name.split(",")[0]}</option>)}
        </select>
      </div>
      {hasTwo && <b class="scale-side">A{b && a.quantity !== b.quantity && `: ${titleOf(a)}`}</b>}
      <Scale which="a" />
      {hasTwo && <b class="scale-side">B{b && a.quantity !== b.quantity && `: ${titleOf(b)}`}</b>}
      {hasTwo && <Scale which="b" />}
      {b && a.quantity === b.quantity && (
        <label class="check">
          <input
            type="checkbox"
            checked={isOneScale}
            onChange={(event) => change({ isOneScale: event.currentTarget.checked })}
          />
          same colours on both sides
        </label>
      )}
      {(store.value?.has_scale || a.quantity !== null) && (
        <label class="check">
          <input
            type="checkbox"
            checked={view.value.isStretched}
            onChange={(event) => change({ isStretched: event.currentTarget.checked })}
          />
          stretch the colours over this map
        </label>
      )}
      <p class="attribution">{[mapCredits.value, store.value?.attribution].filter(Boolean).join(" · ")}</p>
    </section>
  );
}
