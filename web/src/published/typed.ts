/** Typed words become phrases of the table, so that all of the page speaks of what it shows. */

import { effect, signal } from "@preact/signals";
import { api, isPublished } from "../api";
import type { Side } from "../question";
import { resource } from "../resource";
import { change, store, view } from "../state";
import { meant, type Table } from "./phrases";

/** The table of the store that is shown; null where a server answers. */
export const table = resource(
  () => (isPublished ? (store.value?.id ?? null) : null),
  (id): Promise<Table> => api.phrases(id),
);

/** What was typed, by the phrase that took its place. */
export const replaced = signal<ReadonlyMap<string, string>>(new Map());

const wordsOf = (sides: readonly (Side | null)[]) => JSON.stringify(sides.map((side) => [side?.texts, side?.without]));
let settled = "";

effect(() => {
  const known = table.value.data;
  const { a, b } = view.value;
  const words = wordsOf([a, b]);
  if (!known || words === settled) return;
  const found = new Map<string, string>();
  const phraseOf = (typed: string, keepsWeight: boolean) => {
    const { phrase, weight } = meant(known, typed) ?? { phrase: typed, weight: 1 };
    const before = replaced.peek().get(phrase);
    if (phrase !== typed) found.set(phrase, typed.replace(/\s*\*\s*[\d.]*$/, ""));
    else if (before && settled.includes(JSON.stringify(phrase))) found.set(phrase, before); // of the other side
    return keepsWeight && weight !== 1 ? `${phrase}*${weight}` : phrase;
  };
  const side = (one: Side): Side => ({
    ...one,
    texts: one.texts.map((typed) => phraseOf(typed, false)),
    without: one.without.map((typed) => phraseOf(typed, true)),
  });
  const next = { a: side(a), b: b && side(b) };
  found.forEach((typed, phrase) => typed === phrase && found.delete(phrase)); // only a weight
  settled = wordsOf([next.a, next.b]);
  replaced.value = found;
  if (settled !== words) queueMicrotask(() => change(next, "replace"));
});
