/** From distances to a probability and its uncertainty, as psm.mapping.matching has it. */

import type { components } from "../schema";

type Schemas = components["schemas"];
export type Curve = (distance: number) => number;
export type Term = Schemas["TermModel"];
type ErrorParameters = Schemas["ErrorModel"];

const STEPS = 8192;
/** Where a sigmoid is 0 or 1 to all digits that are shown. */
const FLAT = 16;

/** The curve of a question as a table, straight between its entries. */
export function curveOf({ scale, shift, distances, probabilities }: Schemas["CurveModel"]): Curve {
  const isSigmoid = scale !== null && shift !== null;
  const low = isSigmoid ? (shift - FLAT) / scale : distances[0]!;
  const high = isSigmoid ? (shift + FLAT) / scale : distances[distances.length - 1]!;
  const step = (high - low) / STEPS || 1;
  const table = new Float64Array(STEPS + 2);
  for (let i = 0, knot = 0; i < table.length; i++) {
    const distance = low + i * step;
    if (isSigmoid) {
      table[i] = sigmoid(shift - scale * distance);
      continue;
    }
    while (knot < distances.length - 2 && distances[knot + 1]! <= distance) knot++;
    const [from, to] = [distances[knot]!, distances[Math.min(knot + 1, distances.length - 1)]!];
    const share = to > from ? Math.max(0, Math.min(1, (distance - from) / (to - from))) : 0;
    const [before, after] = [probabilities[knot]!, probabilities[Math.min(knot + 1, probabilities.length - 1)]!];
    table[i] = before + share * (after - before);
  }
  return (distance) => {
    const at = (distance - low) / step;
    if (!(at > 0)) return table[0]!;
    if (at >= STEPS) return table[STEPS]!;
    const index = at | 0;
    return table[index]! + (at - index) * (table[index + 1]! - table[index]!);
  };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Points above zero of Gauss and Hermite, 15 in all, for a standard normal; weights from the middle. */
const POINTS = [0.799129068, 1.60671007, 2.43243683, 3.28908242, 4.19620771, 5.19009359, 6.36394789];
const WEIGHTS = [0.318259518, 0.232462294, 0.0894177954, 0.0173657745, 0.0015673575, 5.64214641e-5, 5.9754196e-7, 8.5896499e-10];

/** Distances of all cells to a term; what is not asked for is null. */
export interface Column {
  readonly distance: Float32Array;
  /** Of the squared distance, where there is no second opinion. */
  readonly variance: Float32Array | null;
  /** To the second opinion. */
  readonly second: Float32Array | null;
}

export interface Values {
  readonly probability: Float32Array;
  readonly uncertainty: Float32Array | null;
}

/** Value at the distance itself; mean and variance, where the uncertainty is asked for. */
interface Factor {
  readonly value: Float32Array;
  readonly mean: Float32Array;
  readonly spread: Float32Array;
}

/** The map of a question from the distances of its cells to its terms. */
export function valuesOf(
  numbers: Schemas["NumbersModel"],
  curve: Curve,
  columns: readonly Column[],
  isUncertaintyAsked: boolean,
): Values {
  const { terms, is_any, error } = numbers;
  const factor = (k: number, isAbsence: boolean) =>
    factorOf(terms[k]!, columns[k]!, curve, error, isAbsence, isUncertaintyAsked);
  const product = (isWanted: boolean, isAbsence: boolean) =>
    terms.reduce<Factor | null>((found, term, k) => {
      if (term.is_wanted !== isWanted) return found;
      const next = factor(k, isAbsence);
      return found ? times(found, next, isUncertaintyAsked) : next;
    }, null);
  let found = product(true, is_any);
  if (found && is_any) {
    found = { ...found, value: found.value.map((p) => 1 - p), mean: found.mean.map((p) => 1 - p) };
  }
  const rest = product(false, true);
  const both = found && rest ? times(found, rest, isUncertaintyAsked) : (found ?? rest)!;
  return { probability: both.value, uncertainty: isUncertaintyAsked ? both.spread.map(Math.sqrt) : null };
}

function times(a: Factor, b: Factor, isUncertaintyAsked: boolean): Factor {
  const value = a.value.map((p, i) => p * b.value[i]!);
  if (!isUncertaintyAsked) return { value, mean: value, spread: value };
  const spread = a.spread.map((own, i) => {
    const other = b.spread[i]!;
    return own * other + own * b.mean[i]! ** 2 + a.mean[i]! ** 2 * other;
  });
  return { value, mean: a.mean.map((p, i) => p * b.mean[i]!), spread };
}

/** A term being there, or staying away. */
function factorOf(
  term: Term,
  { distance, variance, second }: Column,
  curve: Curve,
  error: ErrorParameters | null,
  isAbsence: boolean,
  isUncertaintyAsked: boolean,
): Factor {
  const { power, offset } = term;
  const powered = (chance: number) => {
    const base = isAbsence ? Math.max(0, 1 - chance) : chance;
    return power === 1 ? base : base ** power;
  };
  const value = distance.map((d) => powered(curve(d + offset)));
  if (!isUncertaintyAsked) return { value, mean: value, spread: value };
  if (second && error && term.opinion) {
    const { opinion } = term;
    const away = Math.sqrt(term.variance);
    const spread = distance.map((d, i) => {
      const p = curve(d + offset);
      const logit = opinion.offset - error.scale * second[i]!;
      const other = error.lapse + (1 - error.lapse) * sigmoid(error.shift + error.slope * logit);
      const middle = (p + other) / 2;
      const known = (p - other) ** 2 + (error.spread * Math.max(0, middle - error.lapse) * (1 - middle)) ** 2;
      const unknown = (error.unknown * p * (1 - p)) ** 2;
      const share = 0.5 * (curve(d + offset - away) - curve(d + offset + away));
      const squared = error.inflation ** 2 * (opinion.trust * known + (1 - opinion.trust) * unknown) + share ** 2;
      if (power === 1) return squared;
      const base = Math.max(1e-6, Math.min(1 - 1e-6, isAbsence ? 1 - p : p));
      return squared * (power * base ** (power - 1)) ** 2;
    });
    return { value, mean: value, spread };
  }
  const mean = new Float32Array(distance.length);
  const spread = new Float32Array(distance.length);
  for (let i = 0; i < distance.length; i++) {
    const at = distance[i]! + offset;
    const width = Math.sqrt(variance![i]! + term.variance);
    const middle = value[i]!;
    let [first, square] = [0, 0];
    for (let node = 0; node < POINTS.length; node++) {
      const reach = POINTS[node]! * width;
      const below = powered(curve(at - reach)) - middle;
      const above = powered(curve(at + reach)) - middle;
      first += WEIGHTS[node + 1]! * (below + above);
      square += WEIGHTS[node + 1]! * (below * below + above * above);
    }
    mean[i] = middle + first;
    spread[i] = Math.max(0, square - first * first);
  }
  return { value, mean, spread };
}
