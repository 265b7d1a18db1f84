/** Colours of values: the palettes of the server, and what the page paints with them itself. */

export type Rgb = readonly [number, number, number];
export type Range = readonly [number, number];

export interface Palette {
  readonly id: string;
  readonly name: string;
  /** From the lowest to the highest value, `#rrggbb`. */
  readonly css: readonly string[];
}

export function parseHex(css: string): Rgb {
  const value = Number.parseInt(css.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Where a value lies between the ends of a range, 0..1. */
export function share(value: number, [low, high]: Range): number {
  return high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0;
}

/** The colour at a share of a palette, blended between its steps. */
export function colourAt(css: readonly string[], at: number): Rgb {
  const place = Math.max(0, Math.min(1, at)) * (css.length - 1);
  const below = Math.min(css.length - 2, Math.floor(place));
  if (css.length < 2 || below < 0) return parseHex(css[0] ?? "#000000");
  const [low, high] = [parseHex(css[below]!), parseHex(css[below + 1]!)];
  const mix = (i: 0 | 1 | 2) => Math.round(low[i] + (high[i] - low[i]) * (place - below));
  return [mix(0), mix(1), mix(2)];
}

export function gradient(css: readonly string[]): string {
  return `linear-gradient(to right, ${css.join(", ")})`;
}

/** Both layers in one: what is unsure fades, but never vanishes. */
export const FAINTEST = 0.25;

export function certaintyAlpha(uncertaintyShare: number): number {
  return 1 - (1 - FAINTEST) * uncertaintyShare;
}

function luminance([red, green, blue]: Rgb): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/**
 * For every brightness 0..255 of an uncertainty tile, how opaque the other layer becomes.
 * The palette has to be monotonic in brightness, as "slate" is.
 */
export function alphaOfLuminance(css: readonly string[]): Float32Array {
  const steps = Array.from({ length: 256 }, (_, i) => luminance(colourAt(css, i / 255)));
  return Float32Array.from({ length: 256 }, (_, level) => {
    let nearest = 0;
    for (let i = 1; i < 256; i++) {
      if (Math.abs(steps[i]! - level) < Math.abs(steps[nearest]! - level)) nearest = i;
    }
    return certaintyAlpha(nearest / 255);
  });
}

/** Multiplies the opacity of one tile by the certainty of the other; both RGBA. */
export function fade(
  probability: Uint8ClampedArray,
  uncertainty: Uint8ClampedArray,
  alphas: Float32Array,
): void {
  for (let i = 0; i < probability.length; i += 4) {
    if (!uncertainty[i + 3]) continue; // no value: nothing to fade
    const level = luminance([uncertainty[i]!, uncertainty[i + 1]!, uncertainty[i + 2]!]);
    probability[i + 3] = probability[i + 3]! * alphas[Math.round(level)]!;
  }
}

/** The smallest range that holds all given ones. */
export function union(...ranges: readonly Range[]): Range {
  return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
}

export function percent(value: number): string {
  const hundred = 100 * value;
  if (hundred > 0 && hundred < 0.1) return "< 0.1 %";
  return `${hundred.toFixed(hundred < 10 ? 1 : 0)} %`;
}

/** With as many digits as tell the ends of a range apart. */
export function percentIn(value: number, [low, high]: Range): string {
  const span = 100 * (high - low);
  const digits = span >= 20 ? 0 : span >= 2 ? 1 : span >= 0.2 ? 2 : 3;
  return `${(100 * value).toFixed(digits)} %`;
}
