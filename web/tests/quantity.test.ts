import { describe, expect, it } from "vitest";
import { FAINTEST, paint, widthAlpha } from "../src/colour";
import { hasSound, isAsked, questionParams, questionPath, type Side, sideWords } from "../src/question";
import { readView, writeView } from "../src/url";

const sound: Side = { texts: ["frogs"], without: [], audio: [], quantity: null, moment: { month: 5, hour: 8, clock: "local" } };
const level: Side = { ...sound, quantity: "laeq_db" };

describe("a quantity", () => {
  it("takes the place of the sound, which stays for when it is asked for again", () => {
    expect([hasSound(sound), hasSound(level)]).toEqual([true, false]);
    expect(isAsked({ ...level, texts: [] })).toBe(true);
    expect(questionParams(level).toString()).toBe("month=5&hour=8");
    expect(questionParams(level, false).toString()).toBe("");
    expect(questionPath(level, "map.tif")).toBe("quantities/laeq_db/map.tif");
    expect(questionPath(sound, "map.tif")).toBe("map.tif");
    expect(sideWords(level)).toBe("laeq db");
  });

  it("is kept by the link, on either side", () => {
    const view = readView("#q=frogs&of=laeq-db&m=5&h=8&b.of=biophony&b.m=5&b.h=8&by=sound");
    expect([view.a.quantity, view.a.texts, view.b?.quantity, view.differing]).toEqual(["laeq-db", ["frogs"], "biophony", "sound"]);
    expect(readView(`#${writeView(view)}`)).toEqual(view);
    expect(readView("#of=../../secret").a.quantity).toBeNull();
  });

  it("fades by the width of its interval, whatever its value is", () => {
    expect([widthAlpha(0, [0, 8]), widthAlpha(8, [0, 8]), widthAlpha(80, [0, 8])]).toEqual([1, FAINTEST, FAINTEST]);
    const pixels = new Uint8ClampedArray([1, 0, 0, 255, 255, 0, 0, 255]);
    const levels = new Uint8ClampedArray([255, 0, 0, 255, 1, 0, 0, 255]);
    paint(pixels, { levels, uncertainty: [0, 8], probability: [-60, -20], isWidth: true }, new Uint8Array(768));
    expect([pixels[3], pixels[7]]).toEqual([Math.round(255 * FAINTEST), 255]);
  });
});
