/**
 * The truth beside the map: how likely a sound is by the rules of the simulated Earth. A server
 * knows it of single sounds, one moment after another.
 */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { api, isPublished } from "./api";
import { drawings } from "./drawings";
import { cellAt } from "./drawn/coefficients";
import { type Truth, trueValues } from "./drawn/truth";
import { hasSound, isAsked, questionParams, type Side } from "./question";
import { resource } from "./resource";
import { store, view } from "./state";
import type { Which } from "./url";

const REST_MS = 150;
const MOST_KEPT = 48;

/** The truth of one side at one moment. */
export interface SideTruth {
  readonly values: Float32Array;
  readonly agreement: Truth["agreement"];
}

/** What came lately, by store and question: an hour that is seen again is there at once. */
const kept = signal<ReadonlyMap<string, SideTruth>>(new Map());
const sides: readonly Which[] = ["a", "b"];

const isAskedOf = (which: Which) => {
  const side = view.value[which];
  return side !== null && isAsked(side);
};

let last = false;
/** Whether there is a truth to show: of all sides, where the page draws them itself. */
export const hasTruth = computed<boolean>(() => {
  const asked = isPublished ? [] : sides.filter(isAskedOf);
  if (asked.some((which) => drawings[which].isWaiting.value)) return last; // as it was, until that is known
  return (last = asked.length > 0 && asked.every((which) => drawings[which].drawn.value?.answer.true_sound));
});

/** Whether the map, the truth or their difference is shown. */
export const shownTruth = computed(() => (hasTruth.value ? view.value.truth : "off"));

interface Wanted {
  readonly id: string;
  readonly query: string;
}

function wanted(side: Side): Wanted | null {
  const at = store.value;
  return at && { id: at.id, query: questionParams(side).toString() };
}

const keyOf = ({ id, query }: Wanted) => `${id} ${query}`;

async function ask(want: Wanted, signal?: AbortSignal): Promise<SideTruth> {
  const before = kept.peek().get(keyOf(want));
  if (before) return before;
  const said = await api.truth(want.id, new URLSearchParams(want.query), signal);
  const found = { values: trueValues(said), agreement: said.agreement };
  const all = [...kept.peek(), [keyOf(want), found] as const];
  kept.value = new Map(all.slice(-MOST_KEPT));
  return found;
}

/** Asks for the truth of a moment that comes next. */
export async function truthAhead(side: Side): Promise<void> {
  const want = shownTruth.peek() === "off" ? null : wanted(side);
  if (want) await ask(want).catch(() => undefined); // asked again when it is shown
}

function of(which: Which) {
  const want = computed(() => {
    const side = view.value[which];
    return shownTruth.value !== "off" && side && hasSound(side) ? wanted(side) : null;
  });
  const asked = resource(() => want.value, ask, REST_MS);
  return {
    /** Of the question and the moment that are shown, and of no other; null until it is there. */
    found: computed(() => (want.value && kept.value.get(keyOf(want.value))) ?? null),
    error: computed(() => asked.value.error),
  };
}

export const truths: Record<Which, { found: ReadonlySignal<SideTruth | null>; error: ReturnType<typeof of>["error"] }> = {
  a: of("a"),
  b: of("b"),
};

/** The true probability at the chosen place, where it is known. */
export function trueValue(which: Which): number | null {
  const { place } = view.value;
  const found = truths[which].found.value;
  const drawn = drawings[which].drawn.value;
  if (!place || !found || !drawn) return null;
  return found.values[cellAt(drawn.question.coefficients, place.lat, place.lon)] ?? null;
}
