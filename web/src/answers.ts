/** What the server is asked for as the state changes. */

import { computed, type ReadonlySignal } from "@preact/signals";
import { api, type Palette, type Scale, address, storePath } from "./api";
import { type Range, union } from "./colour";
import { isAsked, momentParams, questionParams, type Side } from "./question";
import { type Loaded, resource } from "./resource";
import { isPlaying, paletteOf, store, view } from "./state";
import { FADING, type Layer, layerOf, type Which } from "./url";

const REST_MS = 350;

/** The question of a side, or null where there is none. */
function asked(which: Which): Side | null {
  const side = view.value[which];
  return side && store.value && isAsked(side) ? side : null;
}

/** Whether the colours go by what the map holds: where that is wished, or the sound has none of its own. */
export const isStretched = computed(() => view.value.isStretched || !store.value?.has_scale);

function rangeOf(which: Which): ReadonlySignal<Loaded<Scale>> {
  return resource(
    () => {
      const side = asked(which);
      const at = store.value;
      if (!side || !at) return null;
      // A range over all times needs all times: without a timetable, that of one map has to do.
      const stable = !isStretched.value || at.is_interactive;
      const params = questionParams(side, !stable);
      if (stable) params.set("scale", isStretched.value ? "own" : "sound");
      return { id: at.id, stable, query: params.toString() };
    },
    async ({ id, stable, query }, signal) => {
      const params = new URLSearchParams(query);
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
  return own && other && view.value.b && view.value.isOneScale ? union(own, other) : own;
}

/** Where the tiles of a side are, and how they are drawn. */
export interface TileAddress {
  readonly levels: string;
  /** Levels of the uncertainty that fades the others, or null. */
  readonly doubts: string | null;
  readonly palette: Palette;
}

export function tileAddress(which: Which, side: Side): TileAddress | null {
  const at = store.value;
  if (!at || !isAsked(side) || !ranges[which].value.data) return null;
  const { layer } = view.value;
  const of = (kind: Layer) => {
    const range = colourRange(which, kind);
    const params = questionParams(side);
    params.set("colours", "none");
    if (range) {
      params.set("min", String(range[0]));
      params.set("max", String(range[1]));
    }
    return address(storePath(at.id, `tiles/${kind}/`)) + `{z}/{x}/{y}.png?${params}`;
  };
  return {
    levels: of(layerOf(layer)),
    doubts: layer === "both" ? of(FADING) : null,
    palette: paletteOf(layerOf(layer)),
  };
}

export const tiles = {
  a: computed(() => tileAddress("a", view.value.a)),
  b: computed(() => (view.value.b ? tileAddress("b", view.value.b) : null)),
};

function atRest<T>(make: () => T | null): T | null {
  return isPlaying.value ? null : make();
}

function answerOf(which: Which) {
  return resource(
    () =>
      atRest(() => {
        const side = asked(which);
        return side && store.value ? { id: store.value.id, query: questionParams(side).toString() } : null;
      }),
    ({ id, query }, signal) => api.answer(id, new URLSearchParams(query), signal),
    REST_MS,
  );
}

export const answers = { a: answerOf("a"), b: answerOf("b") };

/** What the model says of a question that is unlike anything it has learnt; empty of any other. */
export function unfamiliar(which: Which): string {
  return (asked(which) && answers[which].value.data?.familiarity?.statement) || "";
}

export const places = resource(
  () =>
    atRest(() => {
      const side = asked("a");
      if (!side || !store.value) return null;
      const params = questionParams(side);
      params.set("count", "8");
      if (!store.value.is_globe) params.set("apart_km", "5");
      return { id: store.value.id, query: params.toString() };
    }),
  ({ id, query }, signal) => api.places(id, new URLSearchParams(query), signal),
  REST_MS,
);

/** A question at the chosen place. */
function placeQuestion(withTime: boolean): { id: string; query: string } | null {
  const { place } = view.value;
  const side = place && asked(place.side);
  if (!place || !side || !store.value) return null;
  const params = questionParams(side, withTime);
  params.set("lat", String(place.lat));
  params.set("lon", String(place.lon));
  return { id: store.value.id, query: params.toString() };
}

/** The year and the day of the chosen place. */
export const profile = resource(
  () => placeQuestion(false),
  ({ id, query }, signal) => api.profile(id, new URLSearchParams(query), signal),
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
      return { id: store.value.id, query: params.toString() };
    }),
  ({ id, query }, signal) => api.sounds(id, new URLSearchParams(query), signal),
  REST_MS,
);

/** The map's value at the chosen place. */
export const value = resource(
  () => atRest(() => placeQuestion(true)),
  ({ id, query }, signal) => api.value(id, new URLSearchParams(query), signal),
  60,
);
