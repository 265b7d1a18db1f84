/**
 * Answers about quantities, as the page has those of sounds: the number takes the place of the
 * probability, and the width of its interval that of the uncertainty.
 */

import type { Answer, Found, Profile, Scale } from "../api";
import { json, storePath } from "../api";
import type { PlaceValue } from "../answers";
import type { components } from "../schema";
import { FADING, type Layer } from "../url";

type Schemas = components["schemas"];
type Ranges = Schemas["QuantityRangeModel"];

/** What a layer of the page is called where it is of a quantity. */
export const layerName = (layer: Layer): "value" | "width" => (layer === FADING ? "width" : "value");

function ask<T>(store: string, of: string, what: string, params: URLSearchParams, signal: AbortSignal): Promise<T> {
  return json<T>(storePath(store, `quantities/${encodeURIComponent(of)}/${what}`), params, signal);
}

/** The ends of the colours: those that stay as time moves, or those of one map. */
export async function rangeOf(
  store: string, of: string, isStable: boolean, params: URLSearchParams, signal: AbortSignal,
): Promise<Scale> {
  const found = isStable
    ? await ask<Ranges>(store, of, "range", params, signal)
    : (await ask<Schemas["QuantityAnswerModel"]>(store, of, "answer", params, signal)).range;
  return { probability: found.value, uncertainty: found.width, words: [], base_rate: null, is_rare: false };
}

export async function answerOf(
  store: string, of: string, params: URLSearchParams, signal: AbortSignal,
): Promise<Pick<Answer, "mean" | "familiarity">> {
  const { mean } = await ask<Schemas["QuantityAnswerModel"]>(store, of, "answer", params, signal);
  return { mean, familiarity: null };
}

export async function placesOf(
  store: string, of: string, params: URLSearchParams, count: number, apartKm: number, signal: AbortSignal,
): Promise<readonly Found[]> {
  params.set("count", String(count));
  params.set("apart_km", String(apartKm));
  const found = await ask<Schemas["QuantityFoundModel"][]>(store, of, "places", params, signal);
  return found.map(({ value, lower, upper, ...place }) => ({ ...place, probability: value, uncertainty: upper - lower }));
}

export async function valueOf(
  store: string, of: string, params: URLSearchParams, signal: AbortSignal,
): Promise<PlaceValue> {
  const { value, lower, upper } = await ask<Schemas["QuantityValueModel"]>(store, of, "value", params, signal);
  const isKnown = lower !== null && upper !== null;
  return { probability: value, uncertainty: isKnown ? upper - lower : null, ...(isKnown ? { interval: [lower, upper] as const } : {}) };
}

export async function profileOf(
  store: string, of: string, params: URLSearchParams, signal: AbortSignal,
): Promise<Omit<Profile, "top" | "familiarity">> {
  const { value, lower, upper, unit, ...about } = await ask<Schemas["QuantityProfileModel"]>(store, of, "profile", params, signal);
  const width = lower && upper && upper.map((row, m) => row.map((high, h) => high - lower[m]![h]!));
  return { ...about, probability: value, uncertainty: width };
}
