/**
 * The coefficients of a store: few enough numbers to draw any map of it here, at any moment.
 * docs/coefficients.md has the format, which a server or a folder of files may give alike.
 */

import type { components } from "../schema";

export type Header = components["schemas"]["CoefficientsModel"];
export type Grid = components["schemas"]["GridModel"];

const FORMAT = "psm-coefficients";
const VERSION = 2;
const HEADER_FILE = "coefficients.json";
const ARRAYS_FILE = "coefficients.bin";

/** What all cells share, of the distance or of its variance; see `Factors` in psm. */
export interface Factors {
  /** By time mode, then state. */
  readonly times: Float32Array;
  readonly timeModes: number;
  /** Query mode, time mode, coefficient (first that of none). */
  readonly core: Int16Array;
  readonly coreScale: Float32Array;
  readonly queryModes: number;
}

export interface Coefficients {
  readonly header: Header;
  readonly grid: Grid;
  /** Number of the pixel of every cell, along rows. */
  readonly pixels: Uint32Array;
  readonly rank: number;
  /** By cell, then coefficient: multiples of `header.step`. */
  readonly values: Int16Array;
  readonly csd: Factors;
  readonly variance: Factors;
}

/** Fetches the coefficients below an address, of a server or of a folder of files. */
export async function fetchCoefficients(
  get: (file: string) => Promise<Response>,
): Promise<Coefficients> {
  const [header, arrays] = await Promise.all([
    get(HEADER_FILE).then((response) => response.json() as Promise<Header>),
    get(ARRAYS_FILE).then((response) => response.arrayBuffer()),
  ]);
  return unpack(header, await unzipped(arrays));
}

/** The content of a gzip stream; some hosts unpack it on the way, and some files never were one. */
export async function unzipped(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Throws a sentence where the two do not belong together. */
export function unpack(header: Header, bytes: ArrayBuffer): Coefficients {
  if (header.format !== FORMAT || header.version !== VERSION) {
    throw new Error(`coefficients of another format than ${FORMAT} ${VERSION}`);
  }
  if (bytes.byteLength !== header.bytes) throw new Error("the coefficients changed on the way");
  const find = (name: string) => {
    const found = header.arrays.find((array) => array.name === name);
    if (!found) throw new Error(`the coefficients lack ${name}`);
    return { ...found, size: found.shape.reduce((product, side) => product * side, 1) };
  };
  const floats = (name: string) => new Float32Array(bytes, find(name).offset, find(name).size);
  const whole = (name: string) => {
    const { offset, size } = find(name);
    const low = new Int8Array(bytes, offset, size);
    const high = new Int8Array(bytes, offset + size, size);
    const values = new Int16Array(size);
    for (let i = 0; i < size; i++) values[i] = 256 * high[i]! + low[i]!;
    return values;
  };
  const factors = (part: "csd" | "variance"): Factors => {
    const [timeModes = 0, states = 0] = find(`${part}.times`).shape;
    const scale = floats(`${part}.time_scale`);
    const times = Float32Array.from(whole(`${part}.times`), (value, i) => value * scale[Math.floor(i / states)]!);
    const core = find(`${part}.core`);
    return { times, timeModes, core: whole(core.name), coreScale: floats(`${part}.core_scale`), queryModes: core.shape[0]! };
  };
  const pixels = setBits(new Uint8Array(bytes, find("mask").offset), find("mask").size);
  const [rank = 0, cells = 0] = find("coefficients").shape;
  if (pixels.length !== cells) throw new Error("the coefficients changed on the way");
  return {
    header,
    grid: header.frame,
    pixels,
    rank,
    values: expectedToo(transposed(whole("coefficients"), rank, cells), whole("likeness"), pixels, header.frame),
    csd: factors("csd"),
    variance: factors("variance"),
  };
}

function setBits(bytes: Uint8Array, size: number): Uint32Array {
  const found: number[] = [];
  for (let i = 0; i < size; i++) if (bytes[i >> 3]! & (1 << (i & 7))) found.push(i);
  return Uint32Array.from(found);
}

/** Coefficients of all cells from what each has more than its neighbours let expect. */
function expectedToo(
  values: Int16Array,
  likeness: Int16Array,
  pixels: Uint32Array,
  { rows, columns }: Grid,
): Int16Array {
  const rank = likeness.length;
  const none = new Int16Array(rank);
  const starts = new Int32Array(rows * columns).fill(-1);
  pixels.forEach((pixel, cell) => (starts[pixel] = cell * rank));
  pixels.forEach((pixel, cell) => {
    const column = pixel % columns;
    const at = (isThere: boolean, other: number) => {
      const start = isThere && other >= 0 ? starts[other]! : -1;
      return start < 0 ? none : values.subarray(start, start + rank);
    };
    const west = at(column > 0, pixel - 1);
    const north = at(true, pixel - columns);
    const northeast = at(column + 1 < columns, pixel - columns + 1);
    const own = cell * rank;
    for (let k = 0; k < rank; k++) {
      values[own + k]! += (likeness[k]! * (2 * west[k]! + north[k]! + northeast[k]!) + 128) >> 8;
    }
  });
  return values;
}

/** In blocks, so that what is read and what is written both stay in the cache. */
function transposed(values: Int16Array, rows: number, columns: number): Int16Array {
  const out = new Int16Array(values.length);
  const BLOCK = 64;
  for (let first = 0; first < columns; first += BLOCK) {
    const last = Math.min(columns, first + BLOCK);
    for (let row = 0; row < rows; row++) {
      for (let column = first; column < last; column++) out[column * rows + row] = values[row * columns + column]!;
    }
  }
  return out;
}

/** Longitude of the centre of every cell, from the west of its grid. */
export function longitudes({ grid, pixels }: Coefficients): Float64Array {
  return Float64Array.from(pixels, (pixel) => {
    const lon = grid.west + ((pixel % grid.columns) + 0.5) * grid.step_lon;
    return ((((lon + 180) % 360) + 360) % 360) - 180;
  });
}

export function latitudes({ grid, pixels }: Coefficients): Float64Array {
  return Float64Array.from(pixels, (pixel) => grid.north - (Math.floor(pixel / grid.columns) + 0.5) * grid.step_lat);
}

/** Number of the cell that holds a place, or -1. */
export function cellAt({ grid, pixels }: Coefficients, lat: number, lon: number): number {
  const column = Math.floor(((((lon - grid.west) % 360) + 360) % 360) / grid.step_lon);
  const row = Math.min(grid.rows - 1, Math.floor((grid.north - lat) / grid.step_lat));
  if (row < 0 || column >= grid.columns || grid.north - grid.rows * grid.step_lat > lat) return -1;
  const wanted = row * grid.columns + column;
  let [low, high] = [0, pixels.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const pixel = pixels[middle]!;
    if (pixel === wanted) return middle;
    if (pixel < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
