/** The state of the page, its place in the browser's history, and what follows from it. */

import { batch, computed, effect, signal } from "@preact/signals";
import type { ApiError, Base, LayerWords, Palette, Store } from "./api";
import { isAsked, type Moment, opposite, type Side } from "./question";
import { type Differing, FADING, type Layer, LAYERS, readView, type View, type Which, writeView } from "./url";

export const view = signal<View>(readView(location.hash));
export const stores = signal<readonly Store[] | null>(null);
export const palettes = signal<readonly Palette[]>([]);
export const layers = signal<readonly LayerWords[]>([]);
export const base = signal<Base | null>(null);
/** Why the page cannot begin. */
export const startTrouble = signal<ApiError | null>(null);
/** The side of a comparison that the controls change. */
export const edited = signal<Which>("a");
export const isPlaying = signal(false);
/** Counts what has to be asked again after an error. */
export const attempt = signal(0);
/** Said to screen readers when something has changed. */
export const announced = signal("");

type History = "push" | "replace" | "none";

/** Changes the state; `push` makes it a step that the browser's back button undoes. */
export function change(patch: Partial<View>, history: History = "push"): void {
  view.value = { ...view.peek(), ...patch };
  if (history !== "none") remember(history);
}

export function remember(history: "push" | "replace"): void {
  const hash = `#${writeView(view.peek())}`;
  if (hash === location.hash) return;
  if (history === "push") window.history.pushState(null, "", hash);
  else window.history.replaceState(null, "", hash);
}

export function restore(): void {
  batch(() => {
    isPlaying.value = false;
    view.value = readView(location.hash);
    if (!view.value.b) edited.value = "a";
  });
}

export const active = computed<Side>(() =>
  edited.value === "b" && view.value.b ? view.value.b : view.value.a,
);

export function changeSide(patch: Partial<Side>, history: History = "push"): void {
  const { a, b, differing } = view.peek();
  const isB = edited.peek() === "b" && b !== null;
  const { moment, ...asked } = patch;
  // Whoever asks for a sound does not ask for a quantity any more.
  const sound = ("texts" in asked || "audio" in asked) && !("quantity" in asked) ? { ...asked, quantity: null } : asked;
  const whole = { ...patch, ...sound };
  // What the sides do not differ in changes on both.
  const shared: Partial<Side> = differing === "time" ? sound : differing === "sound" && moment ? { moment } : {};
  change({ a: { ...a, ...(isB ? shared : whole) }, b: b && { ...b, ...(isB ? whole : shared) } }, history);
}

/** Chooses what the sides differ in; the rest of B becomes that of A. */
export function changeDiffering(differing: Differing): void {
  const { a, b } = view.peek();
  if (!b) return;
  const isSameTime = JSON.stringify(a.moment) === JSON.stringify(b.moment);
  const moment = differing === "sound" ? a.moment : isSameTime && differing === "time" ? opposite(a.moment) : b.moment;
  edited.value = "b";
  change({ differing, b: differing === "time" ? { ...a, moment } : { ...b, moment } });
}

/** The hour of each side before it was left open, for when it is chosen again. */
const hourBefore: Record<Which, number> = { a: 12, b: 12 };

/** The hour that counts, or did before the whole day was chosen. */
export const lastHour = computed(() => active.value.moment.hour ?? hourBefore[edited.value]);

/** Goes to a clock, or leaves the hour open; coming back, the hour is the one before. */
export function changeClock(clock: Moment["clock"] | "any"): void {
  const hour = lastHour.peek();
  hourBefore[edited.peek()] = hour;
  changeMoment(clock === "any" ? { hour: null, clock: "local" } : { clock, hour });
}

export function changeMoment(patch: Partial<Moment>, history: History = "push"): void {
  changeSide({ moment: { ...active.peek().moment, ...patch } }, history);
}

export const store = computed<Store | null>(() => {
  const all = stores.value;
  return all?.find(({ id }) => id === view.value.store) ?? all?.[0] ?? null;
});

export const hasQuestion = computed(() => isAsked(view.value.a) || (view.value.b !== null && isAsked(view.value.b)));

// ---- theme ----

type Theme = "light" | "dark";
const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const system = signal<Theme>(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => (system.value = dark.matches ? "dark" : "light"));
const chosen = signal(localStorage.getItem("psm-theme") as Theme | null);

export const theme = computed<Theme>(() => chosen.value ?? system.value);

export function switchTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem("psm-theme", chosen.value);
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export const isCalm = signal(calm.matches);
calm.addEventListener("change", () => (isCalm.value = calm.matches));

/** Whether the window is as layout.css has it. */
function windowIs(media: string) {
  const query = matchMedia(media);
  const matches = signal(query.matches);
  query.addEventListener("change", () => (matches.value = query.matches));
  return matches;
}

/** Too small for panels around the map: a phone, also on its side, or a page at 200 %. */
export const isPhone = windowIs("(max-width: 760px), (max-width: 950px) and (max-height: 480px)");
/** A phone whose search stands beside the map. */
export const isLow = windowIs("(min-width: 561px) and (max-width: 950px) and (max-height: 480px)");
/** Time and legend do not fit beside each other. */
export const isSmall = windowIs("(max-width: 1180px)");

/** How much of a phone's screen the sheet takes. */
export const sheetPx = signal(200);

// ---- colours ----

const DIFFERENCES = "purple-orange";
const NO_PALETTE: Palette = { id: "", name: "", css: ["#888888", "#888888"], hex: "888888".repeat(255) };

/** On paper much is dark, as on printed maps; in the dark much is bright. */
export const probabilityPalette = computed<Palette>(() => {
  const wanted = view.value.colours ?? (theme.value === "dark" ? "magma" : "ember");
  return palettes.value.find(({ id }) => id === wanted) ?? palettes.value[0] ?? NO_PALETTE;
});

/** The palette of a layer; only that of the first can be chosen. */
export function paletteOf(layer: Layer): Palette {
  if (layer === LAYERS[0]) return probabilityPalette.value;
  const usual = layers.value.find(({ id }) => id === layer)?.colours;
  return palettes.value.find(({ id }) => id === usual) ?? palettes.value[0] ?? NO_PALETTE;
}

/** Of what the map has more than the truth: two opposites about zero. */
export const differencePalette = computed<Palette>(
  () => palettes.value.find(({ id }) => id === DIFFERENCES) ?? NO_PALETTE,
);

/** The palettes that a reader may choose from. */
export const chosenPalettes = computed(() =>
  palettes.value.filter(({ id }) => id !== DIFFERENCES && id !== uncertaintyPalette.value.id),
);

export const uncertaintyPalette = computed<Palette>(() => paletteOf(FADING));

/** Whether the model says how far its probabilities may be off; one that gives points does not. */
export const knowsUncertainty = computed(() => !layers.value.length || layers.value.some(({ id }) => id === FADING));

/** What a layer shows, in words. */
export function layerWords(layer: Layer): string {
  return layers.value.find(({ id }) => id === layer)?.name ?? layer;
}

/** From cell to cell, in words: `1°`, `500 m`, `2 km`. */
export function spacingWords({ spacing_deg, spacing_m }: Store): string {
  const short = (value: number) => String(Number(value.toPrecision(6)));
  if (spacing_deg !== null) return `${short(spacing_deg)}°`;
  const metres = spacing_m ?? 0;
  return metres >= 1000 ? `${short(metres / 1000)} km` : `${short(metres)} m`;
}
