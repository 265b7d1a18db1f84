import { describe, expect, it } from "vitest";
import text from "../src/places/places.txt?raw";
import { findPlaces, parseGazetteer, withCountry } from "../src/places/gazetteer";

const known = parseGazetteer(text);
const first = (typed: string) => findPlaces(known, typed)[0];

describe("the gazetteer", () => {
  it("finds towns and countries, whatever their case and accents, the largest first", () => {
    expect(first("vienna")).toMatchObject({ name: "Vienna", within: "Austria" });
    expect(first("SAO PAULO")).toMatchObject({ name: "São Paulo", within: "Brazil" });
    expect(first("york")?.name).toContain("York");
    expect(first("birmingham, united st")).toMatchObject({ within: "United States" });
    expect(first("peru")).toMatchObject({ name: "Peru", at: null });
    expect(findPlaces(known, " ")).toEqual([]);
    expect(findPlaces(known, "asdfgh")).toEqual([]);
  });

  it("shows a country beyond the antimeridian in one piece", () => {
    const [west, , east] = first("fiji")!.bounds;
    expect(east - west).toBeLessThan(20);
  });

  it("has borders within the world, and near where they are", () => {
    const points = known.borders.flat();
    expect(points.every(([lon, lat]) => Math.abs(lon) <= 180.1 && Math.abs(lat) <= 90)).toBe(true);
    const pyrenees = points.filter(([lon, lat]) => lon > -2 && lon < 3.2 && lat > 42 && lat < 43.6);
    expect(pyrenees.length).toBeGreaterThan(5);
  });

  it("says countries, not codes", () => {
    expect(withCountry(known, "near Vienna, AT")).toBe("near Vienna, Austria");
    expect(withCountry(known, "near Nowhere")).toBe("near Nowhere");
  });
});
