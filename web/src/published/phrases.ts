/** The table of phrases of a published folder, and what can be asked with it. */

import type { Answer, Scale } from "../api";
import type { Numbers } from "../drawn/question";
import { Nearest } from "./nearest";

/** As psm.server.publishing.table has it. */
export interface Table {
  /** How many of the phrases, from the first, are held against places. */
  readonly sounds: number;
  /** What every answer says. */
  readonly answer: Pick<Answer, "calibration" | "provenance">;
  /** What the numbers of all questions share. */
  readonly numbers: Omit<Numbers, "terms">;
  readonly phrases: readonly {
    readonly text: string;
    /** Colours of the sound, and those of what the store holds. */
    readonly range: Scale;
    readonly stretched: Scale;
    readonly terms: Numbers["terms"];
  }[];
}

const finders = new WeakMap<Table, Nearest>();

/** The phrase that is meant by a term, with its weight; null where none is near. */
export function meant(table: Table, term: string): { phrase: string; weight: number } | null {
  const found = finders.get(table) ?? new Nearest(table.phrases.map(({ text }) => text));
  finders.set(table, found);
  const weight = Number(/\*\s*([\d.]+)$/.exec(term)?.[1] ?? 1) || 1;
  const phrase = found.of(term.replace(/\s*\*\s*[\d.]*$/, ""));
  return phrase === null ? null : { phrase, weight };
}

/** A question of the API, answered from the table. Throws a sentence where it cannot be. */
export function answerFrom(table: Table, question: URLSearchParams): { range: Scale; answer: Answer } {
  const [text, ...others] = question.getAll("text");
  if (question.has("audio")) throw new Error("This page has no server that could listen to a recording: type a sound.");
  if (text === undefined || others.length) {
    throw new Error("This page can be asked for one sound at a time; put a minus before those that are to be excluded.");
  }
  const find = (term: string) => {
    const found = meant(table, term);
    const phrase = table.phrases.find((one) => one.text === found?.phrase);
    if (!found || !phrase) {
      const some = table.phrases.slice(0, 3).map((one) => `“${one.text}”`);
      throw new Error(`None of the ${table.phrases.length} phrases of this page is near “${term}”. Ask for ${some.join(", ")} …`);
    }
    return { ...phrase, weight: found.weight };
  };
  const wanted = find(text);
  const unwanted = question.getAll("without").map(find);
  const terms = [
    ...wanted.terms,
    ...unwanted.flatMap(({ terms: own, weight }) => own.map((term) => ({ ...term, is_wanted: false, power: weight }))),
  ];
  const answer: Answer = {
    ...table.answer,
    label: [`“${wanted.text}”`, ...unwanted.map((one) => `“${one.text}”`)].join(" − "),
    moment: { month: null, hour: null, utc: null, label: "" },
    range: wanted.range,
    mean: null,
    familiarity: null,
    true_sound: null,
    etag: "",
    seconds: 0,
    numbers: { ...table.numbers, terms },
  };
  return { range: question.get("scale") === "own" ? wanted.stretched : wanted.range, answer };
}

/** Phrases that begin so, then those with a word that does, then those that hold it. */
export function suggestions(table: Table, prefix: string, count = 8): string[] {
  const wanted = prefix.toLowerCase().trim().replace(/\s+/g, " ");
  const rank = (text: string) => (text.startsWith(wanted) ? 0 : text.includes(` ${wanted}`) ? 1 : 2);
  return table.phrases
    .map(({ text }) => ({ text, low: text.toLowerCase() }))
    .filter(({ low }) => low.includes(wanted))
    .sort((a, b) => rank(a.low) - rank(b.low))
    .slice(0, count)
    .map(({ text }) => text);
}
