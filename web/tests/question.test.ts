import { describe, expect, it } from "vitest";
import {
  clockWords, localHour, type Moment, momentAt, momentWords, parseTerms, questionParams, sideWords, step, typedTerms,
} from "../src/question";

const moment: Moment = { month: 7, hour: 22, clock: "local" };

describe("terms", () => {
  it("separates what is wanted from what is not", () => {
    expect(parseTerms(" frogs ,  - road   traffic,,rain*2, –wind , -")).toEqual({
      texts: ["frogs", "rain*2"],
      without: ["road traffic", "wind"],
    });
  });

  it("names each only once and reads what it writes", () => {
    const terms = parseTerms("frogs, frogs, -wind, -wind");
    expect(terms).toEqual({ texts: ["frogs"], without: ["wind"] });
    expect(parseTerms(typedTerms(terms.texts, terms.without))).toEqual(terms);
  });

  it("says a question in a few words", () => {
    const side = { texts: ["bells|ringing"], without: ["wind"], audio: [{ id: "x", name: "a.wav" }], quantity: null, moment };
    expect(sideWords(side)).toBe("bells + a.wav without wind");
  });
});

describe("time", () => {
  it("goes to the server as local hour or as UTC", () => {
    const side = { texts: ["frogs"], without: [], audio: [], quantity: null, moment };
    expect(questionParams(side).toString()).toBe("text=frogs&month=7&hour=22");
    expect(questionParams({ ...side, moment: { ...moment, clock: "utc" } }).get("utc")).toBe("22");
    expect(questionParams({ ...side, moment: { ...moment, month: null, hour: null } }).toString()).toBe("text=frogs");
    expect(questionParams(side, false).toString()).toBe("text=frogs");
  });

  it("wraps around the day and the year", () => {
    expect(step({ ...moment, hour: 23 }, "hours").hour).toBe(0);
    expect(step({ ...moment, hour: 0 }, "hours", -1).hour).toBe(23);
    expect(step({ ...moment, month: 12 }, "months").month).toBe(1);
    expect(step({ ...moment, month: null, hour: null }, "hours").hour).toBe(1);
  });

  it("knows the local hour of a place at an instant, and back", () => {
    const utc: Moment = { month: 1, hour: 12, clock: "utc" };
    expect(localHour(utc, 90)).toBe(18);
    expect(localHour(utc, -180)).toBe(0);
    expect(localHour(moment, 90)).toBe(22);
    for (const lon of [-180, -75, 0, 16, 179]) {
      const there = localHour(momentAt(utc, 3, 6, lon), lon)!;
      const apart = Math.abs(there - 6);
      expect(Math.min(apart, 24 - apart)).toBeLessThanOrEqual(0.5);
    }
  });

  it("is put in words", () => {
    expect(clockWords(5.5)).toBe("05:30");
    expect(momentWords(moment)).toBe("July, 22:00 local time");
    expect(momentWords({ month: null, hour: null, clock: "local" })).toBe("any month, any hour");
  });
});
