/**
 * Maps that the page draws itself: a store that is small enough comes as coefficients, once, and a
 * question as numbers, so that another moment asks the server for nothing.
 */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { address, api, type Answer, ApiError, isPublished, request, storePath } from "./api";
import { type Coefficients, fetchCoefficients } from "./drawn/coefficients";
import { fetchNames, type Names } from "./drawn/names";
import { DrawnQuestion } from "./drawn/question";
import { canDraw } from "./map/fieldlayer";
import { mapTrouble } from "./map/picture";
import { hasSound, questionParams } from "./question";
import { type Loaded, resource } from "./resource";
import { store, view } from "./state";
import type { Which } from "./url";

/** How long a first map waits for coefficients, before it is shown by tiles. */
const PATIENCE_MS = 2000;
const REST_MS = 1000;

const coefficients = resource(
  () => (store.value?.coefficients ? { id: store.value.id, coefficients: store.value.coefficients } : null),
  async ({ id }, signal): Promise<Coefficients | null> => {
    const found = await fetchCoefficients((file) => request(address(storePath(id, file)), { signal }));
    return canDraw(found) ? found : null;
  },
);

/** Those of the store that is shown, once they are here. */
export const ready = computed<Coefficients | null>(() => {
  const { data } = coefficients.value;
  return data && data.header.id === store.value?.coefficients ? data : null;
});

const named = new WeakMap<Coefficients, Promise<Names>>();

/** What the cells are called; without names, they have none. */
export function names(id: string, of: Coefficients): Promise<Names> {
  const known = named.get(of);
  if (known) return known;
  const found = fetchNames((file) => request(address(storePath(id, file)))).catch(() => {
    named.delete(of); // asked for again next time
    return () => null;
  });
  named.set(of, found);
  return found;
}

effect(() => {
  const known = ready.value;
  const id = store.peek()?.id;
  if (known && id) setTimeout(() => void names(id, known), REST_MS); // after the first map
});

/** Whether coefficients take longer than a first map may wait. */
const isLate = signal(false);
let timer = 0;
effect(() => {
  clearTimeout(timer);
  isLate.value = false;
  if (coefficients.value.isLoading && !isPublished) timer = window.setTimeout(() => (isLate.value = true), PATIENCE_MS);
});

/** A question over the coefficients, and what the server said of it. */
export interface Drawn {
  readonly question: DrawnQuestion;
  readonly answer: Answer;
}

interface Side {
  /** In numbers, or null where its maps come as tiles. */
  readonly drawn: ReadonlySignal<Drawn | null>;
  /** Whether it will turn out soon which it is. */
  readonly isWaiting: ReadonlySignal<boolean>;
  /** Why there is none, where that is an error. */
  readonly why: ReadonlySignal<ApiError | null>;
}

function sideOf(which: Which): Side {
  const asked: ReadonlySignal<Loaded<Answer>> = resource(
    () => {
      const side = view.value[which];
      const at = store.value;
      if (!side || !at?.coefficients || !hasSound(side) || coefficients.value.error) return null;
      return { id: at.id, query: questionParams(side, false).toString() };
    },
    ({ id, query }, signal) => api.answer(id, new URLSearchParams(query), signal),
  );
  const drawn = computed<Drawn | null>(() => {
    const answer = asked.value.data;
    const known = ready.value;
    if (asked.value.isLoading || !known || answer?.numbers?.coefficients !== known.header.id) return null;
    return { question: new DrawnQuestion(known, answer.numbers), answer };
  });
  const isWaiting = computed(() => {
    const side = view.value[which];
    if (!side || !hasSound(side)) return false; // there is nothing to be drawn
    if (!store.value?.coefficients || (mapTrouble.value && !isPublished)) return false;
    return asked.value.isLoading || (coefficients.value.isLoading && !isLate.value);
  });
  return { drawn, isWaiting, why: computed(() => asked.value.error ?? coefficients.value.error) };
}

export const drawings = { a: sideOf("a"), b: sideOf("b") };

/**
 * The question of a side in numbers as soon as that is known, or null where it comes as tiles; of a
 * published page, which has none, an error.
 */
export function whenDrawn(which: Which, stop: AbortSignal): Promise<Drawn | null> {
  const { drawn, isWaiting, why } = drawings[which];
  return new Promise((resolve, reject) => {
    let end = () => {};
    const finish = (done: () => void) => {
      done();
      queueMicrotask(() => end());
    };
    stop.addEventListener("abort", () => finish(() => reject(new DOMException("aborted", "AbortError"))));
    end = effect(() => {
      if (isWaiting.value) return;
      const found = drawn.peek();
      if (found || !isPublished) finish(() => resolve(found));
      else finish(() => reject(why.peek() ?? new ApiError("broken", "The files of this map are not whole.")));
    });
  });
}
