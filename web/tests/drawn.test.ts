import { describe, expect, it } from "vitest";
import { cellAt, type Header, longitudes, unpack } from "../src/drawn/coefficients";
import { bestPlaces, meanOf, spotAt } from "../src/drawn/places";
import { curveOf, valuesOf } from "../src/drawn/probability";
import { DrawnQuestion, type Numbers } from "../src/drawn/question";

const [ROWS, COLUMNS, RANK, TIMES, MODES, STATES] = [2, 4, 5, 3, 2, 13 * 25];
/** Pixels of the cells: all but one. */
const CELLS = [0, 1, 2, 3, 4, 6, 7];

/** Small whole numbers that look random. */
function some(count: number, seed: number, size = 40): number[] {
  return Array.from({ length: count }, (_, i) => Math.round(size * Math.sin(12.9898 * (i + 1) * seed)));
}

const COEFFICIENTS = some(RANK * CELLS.length, 3, 400);
const LIKENESS = [64, 32, 0, -10, 57];

/** What the coefficients of a cell are more than its neighbours let expect. */
function unexpected(values: number[]): number[] {
  const near = (cell: number, right: number, down: number) => {
    const [row, column] = [Math.floor(CELLS[cell]! / COLUMNS) + down, (CELLS[cell]! % COLUMNS) + right];
    return column < 0 || column >= COLUMNS ? -1 : CELLS.indexOf(row * COLUMNS + column);
  };
  return values.map((value, i) => {
    const [k, cell] = [Math.floor(i / CELLS.length), i % CELLS.length];
    const at = (other: number) => (other < 0 ? 0 : values[k * CELLS.length + other]!);
    const [west, north, northeast] = [at(near(cell, -1, 0)), at(near(cell, 0, -1)), at(near(cell, 1, -1))];
    return value - Math.floor((LIKENESS[k]! * (2 * west + north + northeast) + 128) / 256);
  });
}

function file() {
  const parts: { name: string; type: "bits" | "int16" | "float32"; shape: number[]; values: number[] }[] = [
    { name: "mask", type: "bits", shape: [ROWS, COLUMNS], values: [0b11011111] },
    { name: "coefficients", type: "int16", shape: [RANK, CELLS.length], values: unexpected(COEFFICIENTS) },
    { name: "likeness", type: "int16", shape: [RANK], values: LIKENESS },
  ];
  for (const [seed, part] of (["csd", "variance"] as const).entries()) {
    parts.push(
      { name: `${part}.times`, type: "int16", shape: [TIMES, STATES], values: some(TIMES * STATES, seed + 1.3, 300) },
      { name: `${part}.time_scale`, type: "float32", shape: [TIMES], values: [0.01, 0.02, 0.005] },
      { name: `${part}.core`, type: "int16", shape: [MODES, TIMES, RANK + 1], values: some(TIMES * (RANK + 1) * MODES, seed + 2.1) },
      { name: `${part}.core_scale`, type: "float32", shape: [RANK + 1], values: Array(RANK + 1).fill(0.01) },
    );
  }
  const bytes: number[] = [];
  const arrays = parts.map(({ name, type, shape, values }) => {
    const offset = bytes.length;
    if (type === "bits") bytes.push(...values);
    else if (type === "float32") bytes.push(...new Uint8Array(Float32Array.from(values).buffer));
    else {
      const high = values.map((value) => (value + 128) >> 8);
      bytes.push(...values.map((value, i) => (value - 256 * high[i]!) & 255), ...high.map((value) => value & 255));
    }
    while (bytes.length % 4) bytes.push(0);
    return { name, type, shape, offset };
  });
  const header = {
    format: "psm-coefficients", version: 2, id: "x", months: 13, hours: 25, step: 0.001, cells: CELLS.length,
    frame: { rows: ROWS, columns: COLUMNS, west: -180, north: 90, step_lon: 90, step_lat: 90 },
    bytes: bytes.length, arrays,
  } as unknown as Header;
  return { header, content: Uint8Array.from(bytes).buffer, parts };
}

const base64 = (values: number[]) => btoa(String.fromCharCode(...new Uint8Array(Int16Array.from(values).buffer)));

function numbers(change: Partial<Numbers["terms"][number]> = {}): Numbers {
  return {
    coefficients: "x",
    is_any: false,
    curve: { scale: 2, shift: 1, distances: [], probabilities: [] },
    terms: [{
      power: 1, is_wanted: true, offset: 0.1, variance: 0,
      csd: { offset: 1, step: 0.5, values: base64([3, -2]) },
      csd_variance: { offset: 0.5, step: 0.5, values: base64([1, 1]) },
      opinion: null,
      ...change,
    }],
    error: null,
  };
}

/** The same written naively, from the arrays of the file. */
function inner(part: "csd" | "variance", cell: number, state: number, modes: number[]): number {
  const { parts } = file();
  const of = (name: string) => parts.find((array) => array.name === name)!.values;
  let sum = 0;
  for (let time = 0; time < TIMES; time++) {
    for (let k = 0; k <= RANK; k++) {
      const z = k === 0 ? 1 : 0.001 * COEFFICIENTS[(k - 1) * CELLS.length + cell]!;
      for (let mode = 0; mode < MODES; mode++) {
        sum += of(`${part}.times`)[time * STATES + state]! * [0.01, 0.02, 0.005][time]! *
          of(`${part}.core`)[(mode * TIMES + time) * (RANK + 1) + k]! * 0.01 * modes[mode]! * z;
      }
    }
  }
  return sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe("coefficients", () => {
  it("are unpacked as they were packed", () => {
    const { header, content } = file();
    const found = unpack(header, content);
    expect([...found.pixels]).toEqual(CELLS);
    expect(found.values[5 * RANK + 1]).toBe(COEFFICIENTS[CELLS.length + 5]);
    expect([...longitudes(found)].slice(0, 4)).toEqual([-135, -45, 45, 135]);
    expect([cellAt(found, 45, -100), cellAt(found, -45, 100), cellAt(found, -45, -80)]).toEqual([0, 6, -1]);
    expect(() => unpack({ ...header, version: 1 }, content)).toThrow("another format");
    expect(() => unpack(header, content.slice(4))).toThrow("changed");
  });

  it("give the map of a question at any hour, month and instant", () => {
    const { header, content } = file();
    const question = new DrawnQuestion(unpack(header, content), numbers());
    const local = question.at({ month: 3, hour: 7, clock: "local" }, false);
    CELLS.forEach((_, cell) => {
      const distance = Math.max(0, 1 + inner("csd", cell, 2 * 25 + 7, [1.5, -1]));
      expect(local.probability[cell]).toBeCloseTo(sigmoid(1 - 2 * (distance + 0.1)), 4);
    });
    const unknown = question.at({ month: null, hour: null, clock: "local" }, false);
    const last = Math.max(0, 1 + inner("csd", 4, 12 * 25 + 24, [1.5, -1]));
    expect(unknown.probability[4]).toBeCloseTo(sigmoid(1 - 2 * (last + 0.1)), 4);
    const instant = question.at({ month: 3, hour: 4, clock: "utc" }, false);
    const east = Math.max(0, 1 + inner("csd", 3, 2 * 25 + 13, [1.5, -1])); // 135 E is 9 hours ahead
    expect(instant.probability[3]).toBeCloseTo(sigmoid(1 - 2 * (east + 0.1)), 4);
  });

  it("are what places, values and averages are read from", () => {
    const { header, content } = file();
    const coefficients = unpack(header, content);
    const values = { probability: Float32Array.from([0.1, 0.9, 0.8, 0.2, 0.3, 0.4, 0.5]), uncertainty: null };
    expect(bestPlaces(values, coefficients, 2, 0).map(({ cell }) => cell)).toEqual([1, 2]);
    expect(bestPlaces(values, coefficients, 2, 9000).map(({ cell }) => cell)).toEqual([1, 6]);
    expect(spotAt(values, coefficients, 45, 10)?.probability).toBeCloseTo(0.8);
    expect(spotAt(values, coefficients, -45, -80)).toBeNull();
    expect(meanOf(values, coefficients)).toBeCloseTo(3.2 / 7, 6);
  });
});

describe("probability", () => {
  it("follows straight lines between the points of a curve, and is flat beyond", () => {
    const curve = curveOf({ scale: null, shift: null, distances: [1, 2, 4], probabilities: [0.9, 0.5, 0.1] });
    for (const [distance, chance] of [[0, 0.9], [1, 0.9], [1.5, 0.7], [3, 0.3], [4, 0.1], [9, 0.1]] as const) {
      expect(curve(distance)).toBeCloseTo(chance, 3);
    }
  });

  it("is unsure by the variance of the distance, as sampling has it", () => {
    const { curve, ...rest } = numbers();
    const column = { distance: Float32Array.of(0.6), variance: Float32Array.of(0.09), second: null };
    const { uncertainty } = valuesOf({ ...rest, curve }, curveOf(curve), [column], true);
    let [sum, square, count] = [0, 0, 20000];
    for (let i = 0; i < count; i++) {
      // Quantiles of a normal distribution, by its logistic approximation refined to 1e-3.
      const u = (i + 0.5) / count;
      const z = 4.91 * (u ** 0.14 - (1 - u) ** 0.14);
      const p = sigmoid(1 - 2 * (0.7 + 0.3 * z));
      [sum, square] = [sum + p, square + p * p];
    }
    expect(uncertainty![0]).toBeCloseTo(Math.sqrt(square / count - (sum / count) ** 2), 2);
  });

  it("is unsure by a second opinion, where there is one", () => {
    const opinion = { csd: { offset: 0, step: 1, values: "" }, offset: 2, trust: 0.75 };
    const error = { scale: 5, lapse: 0.01, shift: 0.2, slope: 1.1, spread: 1, unknown: 1.3, inflation: 1.1 };
    const asked = { ...numbers({ opinion, csd_variance: null, variance: 0.01 }), error };
    const curve = curveOf(asked.curve);
    const column = { distance: Float32Array.of(0.6), variance: null, second: Float32Array.of(0.5) };
    const { uncertainty } = valuesOf(asked, curve, [column], true);
    const p = sigmoid(1 - 2 * 0.7);
    const other = 0.01 + 0.99 * sigmoid(0.2 + 1.1 * (2 - 5 * 0.5));
    const middle = (p + other) / 2;
    const known = (p - other) ** 2 + ((middle - 0.01) * (1 - middle)) ** 2;
    const share = 0.5 * (sigmoid(1 - 2 * 0.6) - sigmoid(1 - 2 * 0.8));
    const squared = 1.21 * (0.75 * known + 0.25 * (1.3 * p * (1 - p)) ** 2) + share ** 2;
    expect(uncertainty![0]).toBeCloseTo(Math.sqrt(squared), 4);
  });

  it("shuts out what is not wanted, as strictly as its weight says", () => {
    const asked = numbers();
    const both = { ...asked, terms: [asked.terms[0]!, { ...asked.terms[0]!, is_wanted: false, power: 2 }] };
    const column = { distance: Float32Array.of(0.6), variance: null, second: null };
    const p = sigmoid(1 - 2 * 0.7);
    expect(valuesOf(both, curveOf(both.curve), [column, column], false).probability[0]).toBeCloseTo(p * (1 - p) ** 2, 4);
  });
});
