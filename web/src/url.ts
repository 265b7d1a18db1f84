/** The whole state of the page as text after the `#`, so that a link shows the same. */

import type { LayerWords } from "./api";
import type { Moment, Recording, Side } from "./question";
import { layerModelIdValues } from "./schema";

/** A band of the map that can be shown, and the first by itself or faded by the uncertainty. */
export type Layer = LayerWords["id"];
export type Display = Layer | "both";
export const LAYERS: readonly Layer[] = layerModelIdValues;
export const FADING: Layer = "uncertainty";

/** The layer whose colours are shown. */
export function layerOf(display: Display): Layer {
  return display === "both" ? LAYERS[0]! : display;
}

export type Which = "a" | "b";

/** What the two sides of a comparison have each for itself; the rest they share. */
export type Differing = "time" | "sound" | "both";

/** What stands beside the map on the simulated Earth: nothing, its truth, or how far the map is off. */
export type TruthShown = "off" | "truth" | "difference";

export interface View {
  readonly store: string | null;
  readonly a: Side;
  /** The other side of a comparison. */
  readonly b: Side | null;
  readonly differing: Differing;
  readonly layer: Display;
  /** Other than `off` it takes the place of the first layer. */
  readonly truth: TruthShown;
  /** A palette of the server, or null for the one that suits the theme. */
  readonly colours: string | null;
  /** Whether both sides of a comparison share the range of colours. */
  readonly isOneScale: boolean;
  /** Whether the colours are stretched over what the map holds, instead of those of the sound. */
  readonly isStretched: boolean;
  readonly over: "hours" | "months";
  readonly place: { readonly lat: number; readonly lon: number; readonly side: Which } | null;
  readonly camera: { readonly lat: number; readonly lon: number; readonly zoom: number } | null;
  readonly isGlobe: boolean;
  /** Where the divider of a comparison stands, as a share of the width. */
  readonly swipe: number;
}

export function emptyView(now: Date = new Date()): View {
  return {
    store: null,
    a: {
      texts: [],
      without: [],
      audio: [],
      quantity: null,
      moment: { month: now.getMonth() + 1, hour: 20, clock: "local" },
    },
    b: null,
    differing: "time",
    layer: LAYERS[0]!,
    truth: "off",
    colours: null,
    isOneScale: true,
    isStretched: false,
    over: "hours",
    place: null,
    camera: null,
    isGlobe: false,
    swipe: 0.5,
  };
}

const round = (value: number, digits: number) => String(Number(value.toFixed(digits)));

function writeSide(params: URLSearchParams, side: Side, prefix: string): void {
  side.texts.forEach((text) => params.append(`${prefix}q`, text));
  side.without.forEach((text) => params.append(`${prefix}not`, text));
  side.audio.forEach(({ id, name }) => params.append(`${prefix}audio`, `${id}~${name}`));
  if (side.quantity !== null) params.set(`${prefix}of`, side.quantity);
  const { month, hour, clock } = side.moment;
  params.set(`${prefix}m`, month === null ? "any" : String(month));
  params.set(`${prefix}${clock === "utc" ? "utc" : "h"}`, hour === null ? "any" : round(hour, 2));
}

export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.store) params.set("store", view.store);
  writeSide(params, view.a, "");
  if (view.b) {
    writeSide(params, view.b, "b.");
    params.set("by", view.differing);
    params.set("swipe", round(view.swipe, 3));
    if (!view.isOneScale) params.set("scale", "own");
  }
  if (view.isStretched) params.set("stretch", "1");
  if (view.layer !== LAYERS[0]) params.set("layer", view.layer);
  if (view.truth !== "off") params.set("truth", view.truth);
  if (view.colours) params.set("colours", view.colours);
  if (view.over !== "hours") params.set("over", view.over);
  if (view.place) {
    const { lat, lon, side } = view.place;
    params.set("at", `${round(lat, 4)},${round(lon, 4)}${side === "b" ? ",b" : ""}`);
  }
  if (view.camera) {
    const { lat, lon, zoom } = view.camera;
    params.set("map", `${round(zoom, 3)},${round(lat, 3)},${round(lon, 3)}`);
  }
  if (view.isGlobe) params.set("globe", "1");
  return params.toString();
}

/** A number between two ends, or null for anything else. */
function numberIn(text: string | null, low: number, high: number): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) && value >= low && value <= high ? value : null;
}

function readSide(params: URLSearchParams, prefix: string, fallback: Moment): Side {
  const words = (name: string) =>
    params.getAll(prefix + name).map((text) => text.trim().slice(0, 200)).filter(Boolean).slice(0, 8);
  const audio: Recording[] = [];
  for (const text of params.getAll(`${prefix}audio`).slice(0, 4)) {
    const [id = "", ...name] = text.split("~");
    if (/^[0-9a-f]{32}$/.test(id)) audio.push({ id, name: name.join("~").slice(0, 100) || "recording" });
  }
  const quantity = params.get(`${prefix}of`);
  const clock = params.has(`${prefix}utc`) ? "utc" : "local";
  const hourText = params.get(prefix + (clock === "utc" ? "utc" : "h"));
  const hour = numberIn(hourText, 0, 23.999);
  const month = numberIn(params.get(`${prefix}m`), 1, 12);
  return {
    texts: words("q"),
    without: words("not"),
    audio,
    quantity: quantity && /^[\w.-]{1,80}$/.test(quantity) ? quantity : null,
    moment: {
      month: params.get(`${prefix}m`) === "any" ? null : month === null ? fallback.month : Math.floor(month),
      hour: hourText === "any" ? null : (hour ?? fallback.hour),
      clock,
    },
  };
}

/** What differs between two sides; links from before this was a choice do not say so. */
function readDiffering(given: string | null, a: Side, b: Side | null): Differing {
  const questionOf = ({ texts, without, audio, quantity }: Side) => JSON.stringify([texts, without, audio, quantity]);
  const isSameSound = !b || questionOf(a) === questionOf(b);
  const isSameTime = !b || JSON.stringify(a.moment) === JSON.stringify(b.moment);
  if (given === "time" && isSameSound) return given;
  if (given === "sound" && isSameTime) return given;
  return given === "both" || !(isSameSound || isSameTime) ? "both" : isSameSound ? "time" : "sound";
}

/** Reads what `writeView` wrote; what cannot be read is left at its default. */
export function readView(hash: string, now: Date = new Date()): View {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const view = emptyView(now);
  const a = readSide(params, "", view.a.moment);
  const hasB = [...params.keys()].some((key) => key.startsWith("b."));
  const b = hasB ? readSide(params, "b.", a.moment) : null;
  const layer = params.get("layer");
  const truth = params.get("truth");
  const isTruth = truth === "truth" || truth === "difference";
  const [lat, lon, side] = (params.get("at") ?? "").split(",");
  const atLat = numberIn(lat ?? null, -90, 90);
  const atLon = numberIn(lon ?? null, -180, 180);
  const [zoom, mapLat, mapLon] = (params.get("map") ?? "").split(",");
  const z = numberIn(zoom ?? null, -2, 22);
  const cameraLat = numberIn(mapLat ?? null, -90, 90);
  const cameraLon = numberIn(mapLon ?? null, -540, 540);
  return {
    ...view,
    store: params.get("store"),
    a,
    b,
    differing: readDiffering(params.get("by"), a, b),
    truth: isTruth ? truth : "off",
    layer: isTruth ? LAYERS[0]! : layer === "both" ? layer : (LAYERS.find((known) => known === layer) ?? LAYERS[0]!),
    colours: params.get("colours"),
    isOneScale: params.get("scale") !== "own",
    isStretched: params.get("stretch") === "1",
    over: params.get("over") === "months" ? "months" : "hours",
    place:
      atLat === null || atLon === null
        ? null
        : { lat: atLat, lon: atLon, side: side === "b" && hasB ? "b" : "a" },
    camera:
      z === null || cameraLat === null || cameraLon === null
        ? null
        : { zoom: z, lat: cameraLat, lon: cameraLon },
    isGlobe: params.get("globe") === "1",
    swipe: numberIn(params.get("swipe"), 0, 1) ?? 0.5,
  };
}
