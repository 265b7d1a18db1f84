/** What a drawn map says in numbers: its average, its best places, its value at one. */

import { cellAt, type Coefficients, latitudes, longitudes } from "./coefficients";
import type { Values } from "./probability";

const EARTH_KM = 6371;

/** Average over the area of all cells. */
export function meanOf({ probability }: Values, coefficients: Coefficients): number {
  const { pixels, grid } = coefficients;
  let [sum, area] = [0, 0];
  for (let cell = 0; cell < pixels.length; cell++) {
    const lat = grid.north - (Math.floor(pixels[cell]! / grid.columns) + 0.5) * grid.step_lat;
    const share = Math.cos((lat * Math.PI) / 180);
    sum += share * probability[cell]!;
    area += share;
  }
  return sum / area;
}

export interface Spot {
  readonly cell: number;
  readonly lat: number;
  readonly lon: number;
  readonly probability: number;
  readonly uncertainty: number;
}

/** The cells of the highest values, none nearer than `apartKm` to a higher one. */
export function bestPlaces(values: Values, coefficients: Coefficients, count: number, apartKm: number): Spot[] {
  const { probability, uncertainty } = values;
  const [lats, lons] = [latitudes(coefficients), longitudes(coefficients)];
  const left = Float32Array.from(probability);
  const found: Spot[] = [];
  while (found.length < count) {
    let best = -1;
    for (let cell = 0; cell < left.length; cell++) if (left[cell]! > (best < 0 ? -1 : left[best]!)) best = cell;
    if (best < 0) break;
    const [lat, lon] = [lats[best]!, lons[best]!];
    found.push({ cell: best, lat, lon, probability: probability[best]!, uncertainty: uncertainty?.[best] ?? 0 });
    for (let cell = 0; cell < left.length; cell++) {
      if (left[cell]! >= 0 && distanceKm(lat, lon, lats[cell]!, lons[cell]!) < apartKm) left[cell] = -1;
    }
    left[best] = -1;
  }
  return found;
}

function distanceKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const radians = Math.PI / 180;
  const across = Math.sin(((lon2 - lon1) * radians) / 2) ** 2;
  const up = Math.sin(((lat2 - lat1) * radians) / 2) ** 2;
  const half = up + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * across;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** The map at a place; null where no cell holds it. */
export function spotAt(values: Values, coefficients: Coefficients, lat: number, lon: number): Spot | null {
  const cell = cellAt(coefficients, lat, lon);
  if (cell < 0) return null;
  return { cell, lat, lon, probability: values.probability[cell]!, uncertainty: values.uncertainty?.[cell] ?? 0 };
}
