import { describe, expect, it } from "vitest";
import { differences, trueValues } from "../src/drawn/truth";

describe("the truth", () => {
  it("comes as shares of 65535, the low byte first", () => {
    const values = btoa(String.fromCharCode(0, 0, 255, 255, 0, 128));
    expect([...trueValues({ values })]).toEqual([0, 1, Math.fround(32768 / 65535)]);
  });

  it("is taken from the map", () => {
    const found = differences(Float32Array.of(0.5, 0.25), Float32Array.of(0.25, 0.5));
    expect([...found]).toEqual([0.25, -0.25]);
  });
});
