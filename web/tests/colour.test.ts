import { describe, expect, it } from "vitest";
import { alphaOfLuminance, certaintyAlpha, colourAt, FAINTEST, fade, parseHex, percent, percentIn, share, union } from "../src/colour";

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
  it("finds the uncertainty behind the brightness of a tile", () => {
    const alphas = alphaOfLuminance(GREYS);
    expect(alphas[255]).toBeCloseTo(1, 2);
    expect(alphas[0]).toBeCloseTo(FAINTEST, 2);
    expect(alphas[128]).toBeCloseTo(certaintyAlpha(0.5), 1);
  });

  it("fades what is unsure, never all of it, and leaves empty pixels alone", () => {
    const shown = Uint8ClampedArray.from([9, 9, 9, 255, 9, 9, 9, 255, 9, 9, 9, 0]);
    const unsure = Uint8ClampedArray.from([255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 0]);
    fade(shown, unsure, alphaOfLuminance(GREYS));
    expect(shown[3]).toBe(255);
    expect(shown[7]).toBe(Math.round(255 * FAINTEST));
    expect(shown[11]).toBe(0);
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
