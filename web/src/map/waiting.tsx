/** While an answer is computed: the map is grey, and says what is on its way and how long that takes. */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { isWaiting } from "../answers";
import { momentWords, sideWords, isAsked } from "../question";
import { isPlaying, store, view } from "../state";
import type { Which } from "../url";
import { onScreen } from "./panes";
import { mapTrouble } from "./picture";

/** What takes less is not worth a word. */
const UNNOTICED_MS = 250;
const MOST_KEPT = 5;

function staleOf(which: Which): ReadonlySignal<boolean> {
  return computed(() => {
    const side = view.value[which];
    if (!side || !isAsked(side) || mapTrouble.value) return false;
    return isWaiting[which].value || !onScreen[which].value;
  });
}

/** Whether a map is not yet that of the question and the moment beside it. */
export const isStale = { a: staleOf("a"), b: staleOf("b") };

const isAnyStale = computed(() => isStale.a.value || isStale.b.value);

/** How long answers took lately, by store and how it is asked. */
const taken = new Map<string, number[]>();
const isNoticed = signal(false);
let start = 0;
let timer = 0;

const kind = () => `${store.peek()?.id} ${store.peek()?.is_interactive}`;

effect(() => {
  clearTimeout(timer);
  if (isAnyStale.value) {
    start = performance.now();
    timer = window.setTimeout(() => (isNoticed.value = true), UNNOTICED_MS);
    return;
  }
  isNoticed.value = false;
  if (!start) return;
  const took = (performance.now() - start) / 1000;
  start = 0;
  const before = taken.get(kind());
  if (!before) taken.set(kind(), []); // the first map waits for more than its answer
  else if (took > UNNOTICED_MS / 1000) taken.set(kind(), [took, ...before].slice(0, MOST_KEPT));
});

/** An estimate in words, from the answers before. */
function estimate(): string {
  const known = [...(taken.get(kind()) ?? [])].sort((a, b) => a - b);
  const middle = known[known.length >> 1];
  if (middle) return `about ${Math.max(1, Math.round(middle))} s`;
  return store.value?.is_interactive ? "a moment" : "some seconds: the server still prepares this map";
}

export function Waiting() {
  if (!isNoticed.value || isPlaying.value) return null;
  const side = isStale.a.value ? view.value.a : (view.value.b ?? view.value.a);
  return (
    <p class="waiting card" role="status">
      <b>{sideWords(side)}, {momentWords(side.moment)}</b>
      <span> is computed: {estimate()}</span>
    </p>
  );
}
