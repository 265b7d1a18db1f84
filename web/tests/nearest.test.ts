import { describe, expect, it } from "vitest";
import { editDistance, Nearest, stem, stems } from "../src/published/nearest";
import { answerFrom, suggestions, type Table } from "../src/published/phrases";

const PHRASES = [
  "ocean waves", "church bells ringing", "sheep bells", "frogs croaking", "road traffic", "songbirds singing",
  "the dawn chorus of birds", "a train passing", "wind in the trees",
];

describe("the nearest phrase", () => {
  const find = (typed: string) => new Nearest(PHRASES).of(typed);

  it("is the phrase itself where there is one", () => {
    for (const phrase of PHRASES) expect(find(phrase)).toBe(phrase);
  });

  it("shares words, whatever their endings, order and small words are", () => {
    expect(find("Church bells!")).toBe("church bells ringing");
    expect(find("the ringing of a church bell")).toBe("church bells ringing");
    expect(find("croaking frog")).toBe("frogs croaking");
    expect(find("trains")).toBe("a train passing");
    expect(find("wave")).toBe("ocean waves");
    expect(find("birds at dawn")).toBe("the dawn chorus of birds");
  });

  it("forgives wrong letters", () => {
    expect(find("frgos")).toBe("frogs croaking");
    expect(find("trafic")).toBe("road traffic");
    expect(find("chruch bels")).toBe("church bells ringing");
  });

  it("is none where no phrase has to do with the words", () => {
    for (const typed of ["dragons", "xylophone", "", "?"]) expect(find(typed)).toBeNull();
  });

  it("counts letters that differ, and swapped ones once", () => {
    expect([editDistance("frogs", "frgos"), editDistance("bell", "bells"), editDistance("", "abc")]).toEqual([1, 1, 3]);
  });

  it("knows words by their stems", () => {
    expect(["waves", "ringing", "humming", "flies", "grass", "bees"].map(stem)).toEqual(["wav", "ring", "hum", "fly", "grass", "bee"]);
    expect(stems("The sound of Glöckchen, the")).toEqual(["glockchen"]);
  });
});

const term = { power: 1, is_wanted: true, offset: 0, variance: 0, csd: null!, csd_variance: null, opinion: null };
const table = {
  sounds: 2,
  answer: { calibration: "none", provenance: null! },
  numbers: { coefficients: "x", is_any: false, curve: null!, error: null },
  phrases: PHRASES.map((text, i) => ({
    text,
    range: { probability: [0, i], uncertainty: [0, 1], words: [], base_rate: 0.1, is_rare: false },
    stretched: { probability: [0.5, i], uncertainty: [0, 1], words: [], base_rate: null, is_rare: false },
    terms: [{ ...term, offset: i }],
  })),
} as Table;

describe("a question to the table", () => {
  const ask = (query: string) => answerFrom(table, new URLSearchParams(query));

  it("has the numbers and the colours of its phrase", () => {
    const { range, answer } = ask("text=frog");
    expect(range.probability).toEqual([0, 3]);
    expect(ask("text=frog&scale=own").range.probability).toEqual([0.5, 3]);
    expect(answer.label).toBe("“frogs croaking”");
    expect(answer.numbers).toEqual({ ...table.numbers, terms: [{ ...term, offset: 3 }] });
  });

  it("shuts others out, as strictly as their weight says", () => {
    const { answer } = ask("text=frogs croaking&without=traffic*2");
    expect(answer.numbers?.terms.map(({ is_wanted, power, offset }) => [is_wanted, power, offset])).toEqual([
      [true, 1, 3], [false, 2, 4],
    ]);
  });

  it("is refused in a sentence where the table cannot answer", () => {
    expect(() => ask("text=dragons")).toThrow("None of the 9 phrases of this page is near “dragons”");
    expect(() => ask("text=frogs&text=rain")).toThrow("one sound at a time");
    expect(() => ask("text=frogs&audio=0")).toThrow("recording");
  });

  it("is suggested by beginning, by word, by letters", () => {
    expect(suggestions(table, "s")).toEqual(expect.arrayContaining(["sheep bells"]));
    expect(suggestions(table, " Bell ")).toEqual(["church bells ringing", "sheep bells"]);
    expect(suggestions(table, "w").slice(0, 2)).toEqual(["wind in the trees", "ocean waves"]);
  });
});
