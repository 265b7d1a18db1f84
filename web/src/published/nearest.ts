/** The phrase of a table that is nearest to typed words: by words they share, and by letters. */

/** Words that say nothing of what is heard. */
const EMPTY = new Set("a an and at by for from in into near of on or over sound sounds sounding the to with".split(" "));

/** Words less alike than this have nothing to do with each other. */
const LEAST_ALIKE = 0.7;
/** A phrase that shares less than this with what was typed is not it. */
const LEAST_SCORE = 0.3;
const SHORTEST_STEM = 3;

/** What stays of a word without its endings: `croaking` and `croaks` are one. */
export function stem(word: string): string {
  for (const [ending, instead] of [["ies", "y"], ["ing", ""], ["ed", ""], ["es", ""], ["s", ""], ["e", ""]] as const) {
    if (!word.endsWith(ending) || word.endsWith("ss")) continue;
    const rest = word.slice(0, word.length - ending.length) + instead;
    if (rest.length >= SHORTEST_STEM) return rest.replace(/([^aeioulsz])\1$/, "$1").replace(/(...)e$/, "$1");
  }
  return word;
}

export function stems(text: string): string[] {
  const plain = text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
  const words = plain.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const telling = words.filter((word) => !EMPTY.has(word));
  return [...new Set((telling.length ? telling : words).map(stem))];
}

/** Letters to change, add, leave out or swap with the next one. */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = (rows[i] = [i]);
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
  }
  return rows[a.length]![b.length]!;
}

function alike(a: string, b: string): number {
  if (a === b) return 1;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length >= 4 && long.startsWith(short)) return 0.85; // bird, birdsong
  const share = 1 - editDistance(a, b) / long.length;
  return share >= LEAST_ALIKE ? 0.9 * share : 0;
}

/** Finds the nearest of some phrases; of equally near ones the first. */
export class Nearest {
  private readonly known: readonly (readonly string[])[];
  private readonly count = new Map<string, number>();

  constructor(private readonly phrases: readonly string[]) {
    this.known = phrases.map(stems);
    for (const word of this.known.flat()) this.count.set(word, (this.count.get(word) ?? 0) + 1);
  }

  /** The phrase itself, the nearest one, or null where none has to do with the words. */
  of(typed: string): string | null {
    if (this.phrases.includes(typed)) return typed;
    const words = stems(typed);
    let [best, most] = [null as string | null, LEAST_SCORE];
    this.known.forEach((own, i) => {
      const score = this.score(words, own);
      if (score > most) [best, most] = [this.phrases[i]!, score];
    });
    return best;
  }

  /** What two sets of words have in common, as a share of both. */
  private score(typed: readonly string[], own: readonly string[]): number {
    const weigh = (words: readonly string[]) => words.reduce((sum, word) => sum + this.weight(word), 0);
    let shared = 0;
    for (const word of typed) {
      let found = 0;
      for (const other of own) found = Math.max(found, alike(word, other) * Math.max(this.weight(other), 1e-9));
      shared += found;
    }
    return (2 * shared) / (weigh(typed) + weigh(own));
  }

  /** Rare words say more; one that no phrase has says as much as one of a single phrase. */
  private weight(word: string): number {
    return Math.log(1 + this.phrases.length / (this.count.get(word) ?? 1));
  }
}
