/** What the server is asked for as the state changes. */

import { computed, type ReadonlySignal } from "@preact/signals";
import { type Answer, api, type Found, type Palette, type Profile, type Scale, address, isPublished, storePath, type Value } from "./api";
import { type Range, union } from "./colour";
import { drawings, names, ready, whenDrawn } from "./drawings";
import { bestPlaces, meanOf, spotAt } from "./drawn/places";
import type { Field } from "./map/fieldlayer";
import { profileAt, soundsAt } from "./published/place";
import { table } from "./published/typed";
import { answerOf as quantityAnswer, layerName, placesOf as quantityPlaces, profileOf as quantityProfile, rangeOf as quantityRange, valueOf as quantityValue } from "./quantity/asking";
import { canDraw, quantityOf } from "./quantity/quantities";
import { isAsked, localHour, momentParams, questionParams, questionPath, type Side } from "./question";
import { type Loaded, resource } from "./resource";
import { differencePalette, isPlaying, paletteOf, store, view } from "./state";
import { shownTruth, truths } from "./truth";
import { FADING, type Layer, layerOf, LAYERS, type Which } from "./url";

const REST_MS = 350;
const BEST_PLACES = 8;

/** The question of a side, or null where there is none. */
function asked(which: Which): Side | null {
  const side = view.value[which];
  return side && store.value && isAsked(side) && canDraw(side) ? side : null;
}

/** Whether the colours go by what the map holds: where that is wished, or the sound has none of its own. */
export const isStretched = computed(() => view.value.isStretched || !store.value?.has_scale);

function rangeOf(which: Which): ReadonlySignal<Loaded<Scale>> {
  return resource(
    () => {
      const side = asked(which);
      const at = store.value;
      if (!side || !at) return null;
      if (side.quantity !== null) {
        const { isStretched } = view.value;
        return { id: at.id, of: side.quantity, stable: !isStretched, query: questionParams(side, isStretched).toString() };
      }
      // A range over all times needs all times: without a timetable, that of one map has to do.
      const stable = !isStretched.value || at.is_interactive;
      const params = questionParams(side, !stable);
      if (stable) params.set("scale", isStretched.value ? "own" : "sound");
      return { id: at.id, of: null, stable, query: params.toString() };
    },
    async ({ id, of, stable, query }, signal) => {
      const params = new URLSearchParams(query);
      if (of !== null) return quantityRange(id, of, stable, params, signal);
      if (stable) return api.range(id, params, signal);
      return { ...(await api.answer(id, params, signal)).range, words: [], base_rate: null, is_rare: false };
    },
  );
}

export const ranges = { a: rangeOf("a"), b: rangeOf("b") };

/** The ends of the colours on a side. */
export function colourRange(which: Which, layer: Layer): Range | null {
  const own = ranges[which].value.data?.[layer] ?? null;
  const other = ranges[which === "a" ? "b" : "a"].value.data?.[layer] ?? null;
  const { a, b, isOneScale } = view.value;
  return own && other && b && isOneScale && a.quantity === b.quantity ? union(own, other) : own;
}

/** The ends of the colours of a difference: as far as those of the sound, to either side. */
export const differenceRange = ([, high]: Range): Range => [-high, high];

/** Where the tiles of a side are, and how they are drawn. */
export interface TileAddress {
  readonly levels: string;
  /** Levels of the uncertainty that fades the others, or null. */
  readonly doubts: string | null;
  /** What the levels stand for, of either. */
  readonly ends: readonly [Range | null, Range | null];
  readonly palette: Palette;
  /** Whether they are of a measure or an indicator, which fades by the width of its interval. */
  readonly isQuantity: boolean;
}

/** The palette of a layer on a side. */
export function sidePalette(side: Side, layer: Layer): Palette {
  return layer === LAYERS[0] && quantityOf(side)?.is_diverging ? differencePalette.value : paletteOf(layer);
}

export function tileAddress(which: Which, side: Side): TileAddress | null {
  const at = store.value;
  if (!at || isPublished || !isAsked(side) || !canDraw(side) || !ranges[which].value.data) return null;
  const { layer } = view.value;
  const of = (kind: Layer) => {
    const range = colourRange(which, kind);
    const params = questionParams(side);
    params.set("colours", "none");
    if (range) {
      params.set("min", String(range[0]));
      params.set("max", String(range[1]));
    }
    return address(storePath(at.id, questionPath(side, `tiles/${side.quantity === null ? kind : layerName(kind)}/`))) + `{z}/{x}/{y}.png?${params}`;
  };
  return {
    levels: of(layerOf(layer)),
    doubts: layer === "both" ? of(FADING) : null,
    ends: [colourRange(which, layerOf(layer)), colourRange(which, FADING)],
    palette: sidePalette(side, layerOf(layer)),
    isQuantity: side.quantity !== null,
  };
}

function tilesOf(which: Which): ReadonlySignal<TileAddress | null> {
  const { drawn, isWaiting } = drawings[which];
  return computed(() => {
    const side = view.value[which];
    return side && !drawn.value && !isWaiting.value ? tileAddress(which, side) : null;
  });
}

/** Tiles of the sides that the page does not draw itself. */
export const tiles = { a: tilesOf("a"), b: tilesOf("b") };

function fieldOf(which: Which): ReadonlySignal<Field | null> {
  return computed(() => {
    const { layer } = view.value;
    const question = drawings[which].drawn.value?.question;
    const side = asked(which);
    const range = colourRange(which, layerOf(layer));
    if (!question || !side || !range || ranges[which].value.isLoading) return null;
    const shown = shownTruth.value;
    const truth = truths[which].found.value;
    if (shown !== "off" && !truth) return null;
    const isDifference = shown === "difference";
    return {
      question,
      moment: side.moment,
      layer: layerOf(layer),
      isFading: layer === "both",
      truth: shown === "off" || !truth ? null : { values: truth.values, isDifference },
      range: isDifference ? differenceRange(range) : range,
      palette: isDifference ? differencePalette.value : paletteOf(layerOf(layer)),
    };
  });
}

/** What is drawn of the sides that come in numbers. */
export const fields = { a: fieldOf("a"), b: fieldOf("b") };

function isWaitingFor(which: Which): ReadonlySignal<boolean> {
  return computed(() => {
    if (asked(which) === null || tiles[which].value || fields[which].value) return false;
    return !ranges[which].value.error && !truths[which].error.value;
  });
}

/** Whether something is asked for of which neither tiles nor numbers are known yet. */
export const isWaiting = {
  a: isWaitingFor("a"),
  b: isWaitingFor("b"),
};

function atRest<T>(make: () => T | null): T | null {
  return isPlaying.value ? null : make();
}

function answerOf(which: Which) {
  return resource(
    () =>
      atRest(() => {
        const side = asked(which);
        return side && store.value
          ? { id: store.value.id, of: side.quantity, query: questionParams(side).toString(), moment: side.moment }
          : null;
      }),
    async ({ id, of, query, moment }, signal): Promise<Pick<Answer, "mean" | "familiarity">> => {
      if (of !== null) return quantityAnswer(id, of, new URLSearchParams(query), signal);
      const drawn = await whenDrawn(which, signal);
      if (!drawn) return api.answer(id, new URLSearchParams(query), signal);
      const { coefficients } = drawn.question;
      return { ...drawn.answer, mean: meanOf(drawn.question.at(moment, false), coefficients) };
    },
    REST_MS,
  );
}

export const answers = { a: answerOf("a"), b: answerOf("b") };

/** What the model says of a question that is unlike anything it has learnt; empty of any other. */
export function unfamiliar(which: Which): string {
  return (asked(which) && answers[which].value.data?.familiarity?.statement) || "";
}

function placesOf(which: Which) {
  return resource(
    () =>
      atRest(() => {
        const side = asked(which);
        if (!side || !store.value) return null;
        const { id, is_globe } = store.value;
        return { id, of: side.quantity, query: questionParams(side).toString(), moment: side.moment, apartKm: is_globe ? 300 : 5 };
      }),
    async ({ id, of, query, moment, apartKm }, signal): Promise<readonly Found[]> => {
      if (of !== null) return quantityPlaces(id, of, new URLSearchParams(query), BEST_PLACES, apartKm, signal);
      const drawn = await whenDrawn(which, signal);
      if (drawn) {
        const { coefficients } = drawn.question;
        const nameOf = await names(id, coefficients);
        const best = bestPlaces(drawn.question.at(moment, true), coefficients, BEST_PLACES, apartKm);
        return best.map(({ cell, ...place }) => ({ ...place, name: nameOf(cell) }));
      }
      const params = new URLSearchParams(query);
      params.set("count", String(BEST_PLACES));
      params.set("apart_km", String(apartKm));
      return api.places(id, params, signal);
    },
    REST_MS,
  );
}

/** The best places of each side. */
export const places = { a: placesOf("a"), b: placesOf("b") };

/** A question at the chosen place. */
function placeQuestion(which: Which | undefined, withTime: boolean): { id: string; of: string | null; query: string } | null {
  const { place } = view.value;
  const side = which && asked(which);
  if (!place || !side || !store.value) return null;
  const params = questionParams(side, withTime);
  params.set("lat", String(place.lat));
  params.set("lon", String(place.lon));
  return { id: store.value.id, of: side.quantity, query: params.toString() };
}

/** The year and the day of the chosen place. */
export const profile = resource(
  () => {
    const question = placeQuestion(view.value.place?.side, false);
    return question && { ...question, place: view.value.place! };
  },
  ({ id, of, query, place }, signal): Promise<Omit<Profile, "top" | "familiarity">> =>
    of !== null
      ? quantityProfile(id, of, new URLSearchParams(query), signal)
      : isPublished ? profileAt(id, place, signal) : api.profile(id, new URLSearchParams(query), signal),
);

/** What else sounds there, at the time shown; that does not depend on the question. */
export const sounds = resource(
  () =>
    atRest(() => {
      const { place } = view.value;
      const side = place && view.value[place.side];
      if (!place || !side || !store.value) return null;
      const params = momentParams(side.moment);
      params.set("lat", String(place.lat));
      params.set("lon", String(place.lon));
      if (isPublished && !(ready.value && table.value.data)) return null;
      return { id: store.value.id, query: params.toString(), place, moment: side.moment };
    }),
  ({ id, query, place, moment }, signal) => {
    const [known, phrases] = [ready.peek(), table.peek().data];
    if (!isPublished || !known || !phrases) return api.sounds(id, new URLSearchParams(query), signal);
    return soundsAt(id, known, phrases, place, moment.month, localHour(moment, place.lon));
  },
  REST_MS,
);

export type PlaceValue = Pick<Value, "probability" | "uncertainty"> & {
  /** The interval of a measure or an indicator, which takes the place of the probability. */
  readonly interval?: readonly [number, number];
};

function valueOf(which: Which) {
  return resource(
    () =>
      atRest(() => {
        const { place } = view.value;
        const question = placeQuestion(which, true);
        const moment = view.value[which]?.moment;
        return place && question && moment ? { ...question, lat: place.lat, lon: place.lon, moment } : null;
      }),
    async ({ id, of, query, lat, lon, moment }, signal): Promise<PlaceValue> => {
      if (of !== null) return quantityValue(id, of, new URLSearchParams(query), signal);
      const drawn = await whenDrawn(which, signal);
      if (!drawn) return api.value(id, new URLSearchParams(query), signal);
      const spot = spotAt(drawn.question.at(moment, true), drawn.question.coefficients, lat, lon);
      return spot ?? { probability: null, uncertainty: null };
    },
    60,
  );
}

/** The value of each side's map at the chosen place. */
export const values = { a: valueOf("a"), b: valueOf("b") };
