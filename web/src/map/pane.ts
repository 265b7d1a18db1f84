/** One map: the base below, the answer above, the chosen place and the best ones as marks. */

import maplibregl, { type LngLatBoundsLike, type Map as GlMap, type StyleSpecification } from "maplibre-gl";
import type { Base, Found, Store } from "../api";
import { root } from "../api";
import type { Gazetteer } from "../places/gazetteer";
import { momentParams } from "../question";
import { AnswerLayer } from "./answerlayer";
import { FieldLayer } from "./fieldlayer";
import { Haste } from "./haste";
import { addLabels, paintLabels } from "./labels";

export interface PaneSettings {
  readonly container: HTMLElement;
  readonly base: Base | null;
  readonly label: string;
  readonly deepest: () => number;
  readonly onClick: (lat: number, lon: number) => void;
  /** A field was drawn. */
  readonly onDrawn: () => void;
}

const PAPER = { light: "#eaeff3", dark: "#0b0e14" } as const;
/** Share of the usual opacity that is left of an answer which says next to nothing. */
const PALE = 0.35;
/** How the base steps back behind the answer. */
const BASE_PAINT = {
  light: { "raster-opacity": 0.5, "raster-saturation": 0, "raster-brightness-min": 0.5, "raster-brightness-max": 1 },
  dark: { "raster-opacity": 1, "raster-saturation": -0.35, "raster-brightness-min": 0, "raster-brightness-max": 0.52 },
} as const;

function style(base: Base | null): StyleSpecification {
  const layers: StyleSpecification["layers"] = [
    { id: "paper", type: "background", paint: { "background-color": PAPER.light } },
  ];
  const sources: StyleSpecification["sources"] = {};
  if (base?.tiles) {
    sources.base = {
      type: "raster",
      // Braces must survive: URL would escape them.
      tiles: [/^https?:/.test(base.tiles) ? base.tiles : root.origin + absolute(base.tiles)],
      tileSize: 256,
      maxzoom: base.max_zoom,
      attribution: base.attribution,
    };
    layers.push({ id: "base", type: "raster", source: "base", paint: { "raster-fade-duration": 150 } });
  }
  return { version: 8, sources, layers, sky: { "atmosphere-blend": 0.6 } };
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : root.pathname + path;
}

export class Pane {
  readonly map: GlMap;
  /** The answer in tiles, or in numbers: one of them shows it. */
  readonly answer: AnswerLayer;
  readonly field: FieldLayer;
  readonly ready: Promise<void>;
  private readonly haste: Haste;
  private mark: maplibregl.Marker | null = null;
  private marks: maplibregl.Marker[] = [];
  private opacity = 0.9;
  private isPale = false;

  constructor(private readonly settings: PaneSettings) {
    this.map = new maplibregl.Map({
      container: settings.container,
      style: style(settings.base),
      center: [12, 22],
      zoom: 0.9,
      minZoom: -0.5,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      attributionControl: false,
      fadeDuration: 0,
      locale: { "Map.Title": settings.label },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.answer = new AnswerLayer(this.map, {
      opacity: () => this.shownOpacity,
      deepest: settings.deepest,
      onShown: ({ levels }) => {
        settings.container.dataset.shown = levels; // for measuring
      },
    });
    this.haste = new Haste(this.map);
    this.field = new FieldLayer(this.map, {
      opacity: () => this.shownOpacity,
      onAsked: () => {
        settings.container.dataset.drawn = "no"; // for tests
      },
      onShown: ({ moment, truth }) => {
        const what = truth ? (truth.isDifference ? "difference" : "truth") : "drawn";
        settings.container.dataset.drawn = "yes";
        settings.container.dataset.shown = `${what} ${momentParams(moment)}`; // for measuring
        this.haste.drawn();
        settings.onDrawn();
      },
    });
    this.ready = new Promise((resolve) => this.map.once("style.load", () => resolve()));
    this.map.on("click", (event) => {
      const { lat, lng } = event.lngLat.wrap();
      settings.onClick(lat, lng);
    });
    this.map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return; // the middle of the map, for those who do not point
      const { lat, lng } = this.map.getCenter().wrap();
      settings.onClick(lat, lng);
    });
  }

  /** Takes a field away; tiles show the answer, or nothing does. */
  clearField(): void {
    this.field.clear();
    delete this.settings.container.dataset.drawn;
  }

  /** Whether what was asked for last is on the screen. */
  get isSettled(): boolean {
    return this.answer.isSettled && this.field.isSettled;
  }

  setTheme(theme: "light" | "dark"): void {
    this.map.setPaintProperty("paper", "background-color", PAPER[theme]);
    if (this.map.getLayer("base")) {
      for (const [name, value] of Object.entries(BASE_PAINT[theme])) {
        this.map.setPaintProperty("base", name as keyof (typeof BASE_PAINT)["light"], value);
      }
    }
    paintLabels(this.map, theme);
    this.opacity = theme === "dark" ? 0.92 : 0.86;
    this.answer.restyle();
    this.map.triggerRepaint();
  }

  /** Names towns and draws borders. */
  setLabels(known: Gazetteer, theme: "light" | "dark"): void {
    addLabels(this.map, known);
    paintLabels(this.map, theme);
  }

  /** Whether the answer is drawn pale: of a question that the model does not know. */
  setPale(isPale: boolean): void {
    if (isPale === this.isPale) return;
    this.isPale = isPale;
    this.answer.restyle();
    this.map.triggerRepaint();
  }

  private get shownOpacity(): number {
    return (this.isPale ? PALE : 1) * this.opacity;
  }

  setGlobe(isGlobe: boolean): void {
    this.map.setProjection({ type: isGlobe ? "globe" : "mercator" });
  }

  /** Shows a whole store; of the globe, where people live. */
  fit(store: Store): void {
    const [west, south, east, north] = store.bounds;
    const bounds: LngLatBoundsLike = store.is_globe
      ? [-168, -54, 178, 74]
      : [west, Math.max(south, -84), east, Math.min(north, 84)];
    this.map.fitBounds(bounds, { padding: store.is_globe ? 0 : 30, animate: false });
    if (!store.is_globe) return;
    // No empty strips beyond the poles.
    const filling = Math.log2(this.map.getContainer().clientHeight / 512);
    if (this.map.getZoom() < filling) this.map.setZoom(filling);
  }

  /** Keeps the middle of the map clear of what lies over it. */
  setPadding(padding: { left: number; right: number; top: number; bottom: number }): void {
    this.map.setPadding(padding);
  }

  /** The chosen place, or none. */
  setPlace(place: { lat: number; lon: number } | null): void {
    if (!place) {
      this.mark?.remove();
      this.mark = null;
      return;
    }
    if (!this.mark) {
      const element = document.createElement("div");
      element.className = "mark mark-chosen";
      this.mark = new maplibregl.Marker({ element });
    }
    this.mark.setLngLat([place.lon, place.lat]).addTo(this.map);
    hideFromReaders(this.mark);
  }

  /** The best places, numbered as in the list beside the map, which readers use. */
  setPlaces(places: readonly Found[], onClick: (place: Found) => void): void {
    this.marks.forEach((mark) => mark.remove());
    this.marks = places.map((place, i) => {
      const element = document.createElement("div");
      element.className = "mark mark-best";
      element.textContent = String(i + 1);
      element.addEventListener("click", (event) => {
        event.stopPropagation();
        onClick(place);
      });
      const mark = new maplibregl.Marker({ element }).setLngLat([place.lon, place.lat]).addTo(this.map);
      hideFromReaders(mark);
      return mark;
    });
  }

  remove(): void {
    this.haste.stop();
    this.map.remove();
  }
}

function hideFromReaders(mark: maplibregl.Marker): void {
  const element = mark.getElement();
  element.removeAttribute("aria-label");
  element.removeAttribute("role");
  element.removeAttribute("tabindex");
  element.setAttribute("aria-hidden", "true");
}
