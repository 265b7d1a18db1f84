import { describe, expect, it } from "vitest";
import { emptyView, readView, type View, writeView } from "../src/url";

const NOW = new Date(2026, 10, 24);
const AUDIO = { id: "0123456789abcdef0123456789abcdef", name: "dawn ~ 2.wav" };

const full: View = {
  store: "alps",
  a: {
    texts: ["frogs*2", "church bells|bells, ringing"],
    without: ["road traffic"],
    audio: [AUDIO],
    quantity: null,
    moment: { month: 7, hour: 22, clock: "local" },
  },
  b: { texts: ["rain & wind"], without: [], audio: [], quantity: null, moment: { month: null, hour: 5.5, clock: "utc" } },
  differing: "both",
  layer: "both",
  truth: "off",
  colours: "viridis",
  isOneScale: false,
  isStretched: true,
  over: "months",
  place: { lat: 48.2, lon: -16.4, side: "b" },
  camera: { lat: 10.5, lon: 170.25, zoom: 3.25 },
  isGlobe: true,
  swipe: 0.4,
};

describe("the link", () => {
  it("brings back the whole state", () => {
    expect(readView(`#${writeView(full)}`, NOW)).toEqual(full);
  });

  it("brings back the truth, which is of the first layer alone", () => {
    const truth: View = { ...full, layer: "probability", truth: "difference" };
    expect(readView(`#${writeView(truth)}`, NOW)).toEqual(truth);
    expect(readView("#q=frogs&layer=both&truth=truth", NOW).layer).toBe("probability");
    expect(readView("#q=frogs&truth=lies", NOW).truth).toBe("off");
  });

  it("says what two sides differ in, and finds out where it does not", () => {
    expect(readView("#q=frogs&h=4&b.q=frogs&b.h=16", NOW).differing).toBe("time");
    expect(readView("#q=frogs&h=4&b.q=rain&b.h=4", NOW).differing).toBe("sound");
    expect(readView("#q=frogs&h=4&b.q=rain&b.h=16&by=time", NOW).differing).toBe("both");
    expect(readView("#q=frogs&h=4&b.q=frogs&b.h=4&by=sound", NOW).differing).toBe("sound");
  });

  it("brings back a state of defaults", () => {
    const view = emptyView(NOW);
    expect(readView(writeView(view), new Date(2027, 2, 1))).toEqual(view);
  });

  it("keeps any month and any hour apart from no word about them", () => {
    const { moment } = readView("#q=frogs&m=any&h=any", NOW).a;
    expect(moment).toEqual({ month: null, hour: null, clock: "local" });
    expect(readView("#q=frogs", NOW).a.moment).toEqual({ month: 11, hour: 20, clock: "local" });
  });

  it.each([
    "#m=13&h=24&map=1,2&at=91,0&swipe=2&layer=neither&audio=../../etc~x",
    "#m=&h=NaN&map=,,&at=,&swipe=-1&over=weeks&audio=~",
    "#%E0%A4%A&=&&&at=1",
  ])("falls back to defaults for what it cannot read: %s", (hash) => {
    const view = readView(hash, NOW);
    expect(view).toEqual(emptyView(NOW));
  });

  it("does not show a place of a side that is not there", () => {
    expect(readView("#at=1,2,b", NOW).place).toEqual({ lat: 1, lon: 2, side: "a" });
  });

  it("takes no more terms than the server", () => {
    const hash = Array.from({ length: 20 }, (_, i) => `q=${i}`).join("&");
    expect(readView(hash, NOW).a.texts).toHaveLength(8);
  });
});
