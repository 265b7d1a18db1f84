import { describe, expect, it } from "vitest";
import { encodeWav, mixDown, peaks } from "../src/wav";

const text = (view: DataView, at: number) =>
  String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));

describe("WAV", () => {
  it("has the header that decoders expect", () => {
    const view = new DataView(encodeWav(new Float32Array(10), 48_000));
    expect([text(view, 0), text(view, 8), text(view, 12), text(view, 36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    expect(view.getUint32(4, true)).toBe(view.byteLength - 8);
    expect(view.getUint16(20, true)).toBe(1);
    expect(view.getUint16(22, true)).toBe(1);
    expect(view.getUint32(24, true)).toBe(48_000);
    expect(view.getUint32(28, true)).toBe(96_000);
    expect(view.getUint32(40, true)).toBe(20);
  });

  it("keeps samples to a step of 16 bits and clips what is louder", () => {
    const samples = Float32Array.from([0, 0.5, -0.5, 1, -1, 2, -2]);
    const view = new DataView(encodeWav(samples, 8000));
    const read = Array.from(samples, (_, i) => view.getInt16(44 + 2 * i, true));
    expect(read).toEqual([0, 16384, -16384, 32767, -32768, 32767, -32768]);
  });

  it("mixes channels to their mean", () => {
    expect([...mixDown([Float32Array.of(1, 0), Float32Array.of(0, -1)])]).toEqual([0.5, -0.5]);
    expect(mixDown([])).toHaveLength(0);
  });

  it("finds peaks, also of fewer samples than peaks", () => {
    expect(peaks(Float32Array.of(0.1, -0.9, 0.3, 0.2), 2)).toEqual([expect.closeTo(0.9), expect.closeTo(0.3)]);
    expect(peaks(Float32Array.of(0.5), 3)).toHaveLength(3);
  });
});
