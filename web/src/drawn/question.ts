/** A question in numbers over the coefficients of a store: its map at any moment. */

import type { Moment } from "../question";
import type { components } from "../schema";
import { type Coefficients, type Factors, longitudes } from "./coefficients";
import { type Column, type Curve, curveOf, type Values, valuesOf } from "./probability";

type Schemas = components["schemas"];
export type Numbers = Schemas["NumbersModel"];
type Modes = Schemas["ModesModel"];

const HOURS = 24;
const DAY_MIN = 1440;

/** What a Gaussian asks of the coefficients at every state; made once for a question. */
class Weights {
  /** By time mode, then coefficient, first that of none. */
  private readonly shared: Float32Array;
  private readonly width: number;
  private readonly offset: number;
  private readonly states = new Map<number, Float64Array>();

  constructor(
    private readonly factors: Factors,
    { values, step, offset }: Modes,
    private readonly scale: number,
  ) {
    const modes = Float32Array.from(int16(values), (value) => value * step);
    const { core, coreScale, timeModes, queryModes } = factors;
    this.offset = offset;
    this.width = coreScale.length;
    this.shared = new Float32Array(timeModes * this.width);
    for (let mode = 0, at = 0; mode < queryModes; mode++) {
      const own = modes[mode]!;
      for (let row = 0; row < this.shared.length; row++) this.shared[row]! += own * core[at++]!;
    }
    for (let row = 0; row < this.shared.length; row++) this.shared[row]! *= coreScale[row % this.width]!;
  }

  /** Offset, then what each whole number among the coefficients of a cell counts. */
  at(state: number): Float64Array {
    const before = this.states.get(state);
    if (before) return before;
    const { times, timeModes } = this.factors;
    const states = times.length / timeModes;
    const found = new Float64Array(this.width);
    for (let mode = 0; mode < timeModes; mode++) {
      const share = times[mode * states + state]!;
      if (share === 0) continue;
      const row = mode * this.width;
      for (let k = 0; k < found.length; k++) found[k]! += share * this.shared[row + k]!;
    }
    for (let k = 1; k < found.length; k++) found[k]! *= this.scale;
    found[0]! += this.offset;
    this.states.set(state, found);
    return found;
  }

  /** The same at a local hour of a month, by trigonometric interpolation between whole hours. */
  atHour(first: number, hour: number): Float64Array {
    if (Number.isInteger(hour)) return this.at(first + hour);
    const found = new Float64Array(this.width);
    for (let whole = 0; whole < HOURS; whole++) {
      const share = hourShare(hour - whole);
      const own = this.at(first + whole);
      for (let k = 0; k < found.length; k++) found[k]! += share * own[k]!;
    }
    return found;
  }
}

/** How much a whole hour counts `away` hours from it: exact for 11 waves a day. */
function hourShare(away: number): number {
  const turn = (away * 2 * Math.PI) / HOURS;
  let sum = 1 + Math.cos((turn * HOURS) / 2);
  for (let wave = 1; wave < HOURS / 2; wave++) sum += 2 * Math.cos(wave * turn);
  return sum / HOURS;
}

export function int16(base64: string): Int16Array {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
}

interface TermWeights {
  readonly distance: Weights;
  readonly variance: Weights | null;
  readonly second: Weights | null;
}

export class DrawnQuestion {
  private readonly terms: readonly TermWeights[];
  private readonly curve: Curve;
  private readonly lonMinutes: Float64Array;
  private last: { moment: string; values: Values } | null = null;

  constructor(
    readonly coefficients: Coefficients,
    readonly numbers: Numbers,
  ) {
    const { csd, variance, header } = coefficients;
    this.curve = curveOf(numbers.curve);
    this.terms = numbers.terms.map((term) => ({
      distance: new Weights(csd, term.csd, header.step),
      variance: term.csd_variance && new Weights(variance, term.csd_variance, header.step),
      second: term.opinion && new Weights(csd, term.opinion.csd, header.step),
    }));
    this.lonMinutes = longitudes(coefficients).map((lon) => 4 * lon);
  }

  /** Values of all cells; what was computed last is remembered. */
  at(moment: Moment, isUncertaintyAsked: boolean): Values {
    const key = JSON.stringify([moment.month, moment.hour, moment.clock]);
    if (this.last?.moment === key && (this.last.values.uncertainty || !isUncertaintyAsked)) {
      return this.last.values;
    }
    const of = (weights: Weights | null) => weights && this.inner(weights, moment);
    const columns = this.terms.map<Column>(({ distance, variance, second }) => ({
      distance: of(distance)!,
      variance: isUncertaintyAsked ? of(variance) : null,
      second: isUncertaintyAsked ? of(second) : null,
    }));
    const values = valuesOf(this.numbers, this.curve, columns, isUncertaintyAsked);
    this.last = { moment: key, values };
    return values;
  }

  /** Values of one cell at every month and whole local hour: 12 times 24. */
  through(cell: number): Values {
    const { header, values, rank } = this.coefficients;
    const of = (weights: Weights | null) =>
      weights &&
      Float32Array.from({ length: (header.months - 1) * HOURS }, (_, i) => {
        const state = Math.floor(i / HOURS) * header.hours + (i % HOURS);
        return Math.max(0, inner(values, cell * rank, weights.at(state)));
      });
    const columns = this.terms.map<Column>(({ distance, variance, second }) => ({
      distance: of(distance)!,
      variance: of(variance),
      second: of(second),
    }));
    return valuesOf(this.numbers, this.curve, columns, true);
  }

  private inner(weights: Weights, { month, hour, clock }: Moment): Float32Array {
    const { header } = this.coefficients;
    const first = ((month ?? header.months) - 1) * header.hours;
    if (hour === null) return this.product(weights.at(first + HOURS));
    if (clock === "local") return this.product(weights.atHour(first, hour));
    const known = new Map<number, Float64Array>();
    return this.product((cell) => {
      const minute = (((Math.round(60 * hour + this.lonMinutes[cell]!) % DAY_MIN) + DAY_MIN) % DAY_MIN);
      let own = known.get(minute);
      if (!own) known.set(minute, (own = weights.atHour(first, minute / 60)));
      return own;
    });
  }

  /** Inner products of all cells with some weights, or each with its own. */
  private product(of: Float64Array | ((cell: number) => Float64Array)): Float32Array {
    const { values, rank, pixels } = this.coefficients;
    const found = new Float32Array(pixels.length);
    for (let cell = 0; cell < found.length; cell++) {
      found[cell] = Math.max(0, inner(values, cell * rank, typeof of === "function" ? of(cell) : of));
    }
    return found;
  }
}

/** The offset and the product: in four sums, since each would wait for the one before. */
function inner(values: Int16Array, start: number, weights: Float64Array): number {
  const rank = weights.length - 1;
  let a = weights[0]!;
  let b = 0;
  let c = 0;
  let d = 0;
  let k = 0;
  for (; k + 3 < rank; k += 4) {
    a += values[start + k]! * weights[k + 1]!;
    b += values[start + k + 1]! * weights[k + 2]!;
    c += values[start + k + 2]! * weights[k + 3]!;
    d += values[start + k + 3]! * weights[k + 4]!;
  }
  for (; k < rank; k++) a += values[start + k]! * weights[k + 1]!;
  return a + b + c + d;
}

/** What a cell asks of the modes of any query at a local hour: an inner product away from the distance. */
export function cellModes(of: Coefficients, cell: number, month: number | null, hour: number | null): Float32Array {
  const { header, values, rank } = of;
  const { times, timeModes, core, coreScale, queryModes } = of.csd;
  const states = times.length / timeModes;
  const first = ((month ?? header.months) - 1) * header.hours;
  const found = new Float32Array(queryModes);
  const width = rank + 1;
  for (let time = 0; time < timeModes; time++) {
    const row = time * states + first;
    let share = times[row + HOURS]!;
    if (hour !== null) {
      share = 0;
      for (let whole = 0; whole < HOURS; whole++) share += hourShare(hour - whole) * times[row + whole]!;
    }
    const asked = Float32Array.from(coreScale, (scale, k) =>
      share * scale * (k === 0 ? 1 : header.step * values[cell * rank + k - 1]!),
    );
    for (let mode = 0; mode < queryModes; mode++) {
      const start = (mode * timeModes + time) * width;
      let sum = 0;
      for (let k = 0; k < width; k++) sum += asked[k]! * core[start + k]!;
      found[mode]! += sum;
    }
  }
  return found;
}
