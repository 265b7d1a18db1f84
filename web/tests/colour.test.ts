import { describe, expect, it } from "vitest";
import { certaintyAlpha, colourAt, colourTable, FAINTEST, paint, parseHex, percent, percentIn, share, union } from "../src/colour";

const GREYS = ["#ffffff", "#808080", "#000000"];

describe("colours", () => {
  it("reads hexadecimal and blends between the steps", () => {
    expect(parseHex("#8c2981")).toEqual([140, 41, 129]);
    expect(colourAt(GREYS, 0)).toEqual([255, 255, 255]);
    expect(colourAt(GREYS, 0.25)).toEqual([192, 192, 192]);
    expect(colourAt(GREYS, 5)).toEqual([0, 0, 0]);
    expect(colourAt(["#102030"], 0.5)).toEqual([16, 32, 48]);
  });

  it("places values in a range", () => {
    expect(share(0.3, [0.2, 0.4])).toBeCloseTo(0.5);
    expect([share(0, [0.2, 0.4]), share(1, [0.2, 0.4]), share(1, [1, 1])]).toEqual([0, 1, 0]);
    expect(union([0.1, 0.4], [0.2, 0.6])).toEqual([0.1, 0.6]);
  });
});

describe("fading", () => {
  const table = colourTable(Array.from({ length: 255 }, (_, i) => `0a14${(i + 1).toString(16).padStart(2, "0")}`).join(""));
  const tile = (...levels: number[]) => Uint8ClampedArray.from(levels.flatMap((level) => [level, level, level, 255]));

  it("gives every level its colour, and none where there is no value", () => {
    const shown = tile(0, 1, 128, 255);
    paint(shown, null, table);
    expect([...shown.slice(4)]).toEqual([10, 20, 1, 255, 10, 20, 128, 255, 10, 20, 255, 255]);
    expect(shown[3]).toBe(0);
  });

  it("fades what is unsure, never all of it, and leaves empty pixels alone", () => {
    const shown = tile(9, 9, 9, 0, 9);
    const probability = [0, 2.54] as const; // level 9 is 0.08
    const uncertainty = [0, 0.254] as const;
    paint(shown, { levels: tile(1, 255, 81, 255, 0), uncertainty, probability }, table);
    const alphas = [3, 7, 11, 15, 19].map((i) => shown[i]);
    const expected = [1, certaintyAlpha(0.254, 0.08), certaintyAlpha(0.08, 0.08), 0, 1];
    expect(alphas).toEqual(expected.map((alpha) => Math.round(255 * alpha)));
    expect(expected[2]).toBeCloseTo(FAINTEST + (1 - FAINTEST) / 2);
  });

  it("goes by the uncertainty relative to the probability", () => {
    expect(certaintyAlpha(0.2, 0.4)).toBeCloseTo(certaintyAlpha(0.02, 0.04));
    expect(certaintyAlpha(0.02, 0.01)).toBeLessThan(certaintyAlpha(0.1, 0.4));
    expect(certaintyAlpha(1, 0)).toBeGreaterThan(FAINTEST - 1e-9);
  });
});

describe("numbers", () => {
  it("have as many digits as the range needs", () => {
    expect(percent(0.39)).toBe("39 %");
    expect(percent(0.064)).toBe("6.4 %");
    expect(percent(0.0004)).toBe("< 0.1 %");
    expect(percent(0)).toBe("0.0 %");
    expect(percentIn(0.125, [0.036, 0.214])).toBe("12.5 %");
    expect(percentIn(0.5, [0, 1])).toBe("50 %");
    expect(percentIn(0.00125, [0.001, 0.0015])).toBe("0.125 %");
  });
});
