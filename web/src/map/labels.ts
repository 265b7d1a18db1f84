/** Borders and the names of the largest towns, above the answer: more of them the nearer one is. */

import type { Map as GlMap, SymbolLayerSpecification } from "maplibre-gl";
import type { Gazetteer } from "../places/gazetteer";

const BORDERS = "borders";
const TOWNS = "towns";
const COLOURS = {
  light: { border: "#1c2430", text: "#1c2430", halo: "#ffffff" },
  dark: { border: "#e9edf2", text: "#f4f6f9", halo: "#0b0e14" },
} as const;

/** Least people, as a logarithm, by zoom. */
const LEAST: NonNullable<SymbolLayerSpecification["filter"]> = [
  ">=", ["get", "people"], ["step", ["zoom"], 7, 1, 6.8, 2, 6.4, 3, 6, 4, 5.4, 5, 4.8, 6, 0],
];

/** The layer below which answers are drawn, once there is one. */
export function below(map: GlMap): string | undefined {
  return map.getLayer(BORDERS) ? BORDERS : undefined;
}

export function addLabels(map: GlMap, { towns, borders }: Gazetteer): void {
  if (map.getSource(BORDERS)) return;
  const lines = borders.map((line) => line.map(([lon, lat]) => [lon, lat]));
  const points = towns.map(({ name, people, lat, lon }) => ({
    type: "Feature" as const,
    properties: { name, people },
    geometry: { type: "Point" as const, coordinates: [lon, lat] },
  }));
  map.addSource(BORDERS, { type: "geojson", data: { type: "MultiLineString", coordinates: lines } });
  map.addSource(TOWNS, { type: "geojson", data: { type: "FeatureCollection", features: points } });
  map.addLayer({
    id: BORDERS,
    type: "line",
    source: BORDERS,
    paint: { "line-width": ["interpolate", ["linear"], ["zoom"], 0, 0.5, 5, 1.2], "line-opacity": 0.45 },
  });
  map.addLayer({
    id: TOWNS,
    type: "symbol",
    source: TOWNS,
    filter: LEAST,
    layout: {
      "text-field": ["get", "name"],
      "text-font": ["sans-serif"], // drawn by the browser: the style has no glyphs
      "text-size": ["interpolate", ["linear"], ["zoom"], 1, 11, 6, 14],
      "text-padding": 10,
      "symbol-sort-key": ["-", 0, ["get", "people"]],
    },
    paint: { "text-halo-width": 1.4 },
  });
}

export function paintLabels(map: GlMap, theme: "light" | "dark"): void {
  if (!map.getLayer(TOWNS)) return;
  const { border, text, halo } = COLOURS[theme];
  map.setPaintProperty(BORDERS, "line-color", border);
  map.setPaintProperty(TOWNS, "text-color", text);
  map.setPaintProperty(TOWNS, "text-halo-color", halo);
}
