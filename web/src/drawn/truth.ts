/** True values of the cells of a store, beside those of its map. */

import type { components } from "../schema";

export type Truth = components["schemas"]["TruthModel"];

const STEPS = 65535;

/** The true probability of every cell, in the order of the coefficients. */
export function trueValues({ values }: Pick<Truth, "values">): Float32Array {
  const bytes = Uint8Array.from(atob(values), (char) => char.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => numbers.getUint16(2 * i, true) / STEPS);
}

/** What the map has more than the truth, in every cell. */
export function differences(map: Float32Array, truth: Float32Array): Float32Array {
  return map.map((value, i) => value - truth[i]!);
}
