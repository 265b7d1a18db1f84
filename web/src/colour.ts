/** Colours of values: the palettes of the server, and what the page paints with them itself. */

export type Rgb = readonly [number, number, number];
export type Range = readonly [number, number];

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
const LEAST_PROBABILITY = 0.001;

/**
 * How opaque a probability is by its uncertainty relative to itself: in absolute terms, likely
 * places are the least sure. Half of the way to the faintest where the two are alike.
 */
export function certaintyAlpha(uncertainty: number, probability: number): number {
  const relative = uncertainty / Math.max(probability, LEAST_PROBABILITY);
  return 1 - (1 - FAINTEST) * (relative / (1 + relative));
}

/** The same of a number that is no probability: by how wide its interval is among all of them. */
export function widthAlpha(width: number, range: Range): number {
  return 1 - (1 - FAINTEST) * share(width, range);
}

/** The uncertainty of the levels of a tile, and what both tiles' levels stand for. */
export interface Fading {
  readonly levels: Uint8ClampedArray;
  readonly uncertainty: Range;
  readonly probability: Range;
  /** Whether the uncertainty is the width of an interval, of a number that is no probability. */
  readonly isWidth?: boolean;
}

const valueOf = (level: number, [low, high]: Range) => low + ((level - 1) / 254) * (high - low);

/** Red, green and blue of every level 0..255 of a tile, from the `hex` of a palette. */
export function colourTable(hex: string): Uint8Array {
  const table = new Uint8Array(3 * 256);
  for (let i = 3; i < table.length; i++) table[i] = Number.parseInt(hex.slice(2 * i - 6, 2 * i - 4), 16);
  return table;
}

/**
 * Turns the levels of a tile, in its red, into colours; transparent where there is no value, and
 * faded by another tile's, if one is given. All are RGBA.
 */
export function paint(pixels: Uint8ClampedArray, fading: Fading | null, table: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 4) {
    const level = pixels[i]!;
    pixels[i] = table[3 * level]!;
    pixels[i + 1] = table[3 * level + 1]!;
    pixels[i + 2] = table[3 * level + 2]!;
    const doubt = fading?.levels[i] ?? 0; // 0: no value, nothing to fade
    pixels[i + 3] = level === 0 ? 0 : 255;
    if (level === 0 || doubt === 0 || !fading) continue;
    const { uncertainty, probability, isWidth } = fading;
    const unsure = valueOf(doubt, uncertainty);
    pixels[i + 3] = 255 * (isWidth ? widthAlpha(unsure, uncertainty) : certaintyAlpha(unsure, valueOf(level, probability)));
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
