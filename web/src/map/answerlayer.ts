/**
 * The answer on a map. Each address of tiles gets a source of its own that loads unseen; when all
 * of its tiles in view are there, it takes the place of the one before, in one frame.
 */

import type { Map as GlMap } from "maplibre-gl";
import type { TileAddress } from "../answers";
import { below } from "./labels";
import { tileTemplate, warm } from "./tiles";

interface Slot {
  readonly id: string;
  readonly template: string;
  readonly address: TileAddress;
  isLoaded: boolean;
  readonly whenLoaded: (() => void)[];
}

const MOST_SLOTS = 4;

export class AnswerLayer {
  private readonly slots: Slot[] = []; // last used last
  private shown: Slot | null = null;
  private wanted: Slot | null = null;
  private queued: { address: TileAddress; fadeMs: number } | null = null;
  private count = 0;

  constructor(
    private readonly map: GlMap,
    private readonly options: {
      opacity: () => number;
      deepest: () => number;
      onShown: (address: TileAddress) => void;
    },
  ) {
    map.on("sourcedata", () => this.look());
    map.on("error", () => this.look()); // a tile that failed is loaded as far as it will be
    map.on("idle", () => this.look());
  }

  /** Shows an address as soon as it is loaded; while one loads, only the latest waits. */
  show(address: TileAddress, fadeMs = 0): void {
    const template = tileTemplate(address);
    if (this.wanted && this.wanted !== this.shown && this.wanted.template !== template) {
      this.queued = { address, fadeMs };
      return;
    }
    this.queued = null;
    if (this.shown && this.shown.template !== template) warm(address, this.shown.address);
    const slot = (this.wanted = this.slot(address));
    const put = () => this.wanted === slot && this.reveal(slot, fadeMs);
    if (slot.isLoaded) put();
    else slot.whenLoaded.push(put);
  }

  /** Loads an address unseen; done when every tile in view is there. */
  prefetch(address: TileAddress): Promise<void> {
    const slot = this.slot(address);
    return slot.isLoaded ? Promise.resolve() : new Promise((resolve) => slot.whenLoaded.push(resolve));
  }

  clear(): void {
    this.queued = this.wanted = this.shown = null;
    this.slots.splice(0).forEach((slot) => this.remove(slot));
  }

  /** Whether what was asked for last is on the screen. */
  get isSettled(): boolean {
    return this.wanted === this.shown && !this.queued;
  }

  restyle(): void {
    if (this.shown) this.map.setPaintProperty(this.shown.id, "raster-opacity", this.options.opacity());
  }

  private slot(address: TileAddress): Slot {
    const template = tileTemplate(address);
    const found = this.slots.findIndex((slot) => slot.template === template);
    const slot = found >= 0 ? this.slots.splice(found, 1)[0]! : this.add(template, address);
    this.slots.push(slot);
    while (this.slots.length > MOST_SLOTS) {
      const oldest = this.slots.findIndex((other) => other !== this.shown && other !== this.wanted);
      if (oldest < 0) break;
      this.remove(this.slots.splice(oldest, 1)[0]!);
    }
    return slot;
  }

  private add(template: string, address: TileAddress): Slot {
    const slot: Slot = { id: `answer-${this.count++}`, template, address, isLoaded: false, whenLoaded: [] };
    this.map.addSource(slot.id, {
      type: "raster",
      tiles: [template],
      tileSize: 256,
      maxzoom: this.options.deepest(),
    });
    const paint = { "raster-opacity": 0, "raster-fade-duration": 0 };
    this.map.addLayer({ id: slot.id, type: "raster", source: slot.id, paint }, below(this.map));
    return slot;
  }

  private remove(slot: Slot): void {
    if (this.map.getLayer(slot.id)) this.map.removeLayer(slot.id);
    if (this.map.getSource(slot.id)) this.map.removeSource(slot.id);
    slot.isLoaded = true;
    slot.whenLoaded.splice(0).forEach((done) => done());
  }

  private look(): void {
    for (const slot of [...this.slots]) {
      if (slot.isLoaded || !this.map.getSource(slot.id) || !this.map.isSourceLoaded(slot.id)) continue;
      slot.isLoaded = true;
      slot.whenLoaded.splice(0).forEach((done) => done());
    }
  }

  private reveal(slot: Slot, fadeMs: number): void {
    const before = this.shown;
    this.shown = slot;
    const paint = (id: string, opacity: number, ms: number) => {
      this.map.setPaintProperty(id, "raster-opacity-transition", { duration: ms, delay: 0 });
      this.map.setPaintProperty(id, "raster-opacity", opacity);
    };
    paint(slot.id, this.options.opacity(), before ? fadeMs : 0);
    if (before && before !== slot && this.map.getLayer(before.id)) paint(before.id, 0, fadeMs);
    this.options.onShown(slot.address);
    const next = this.queued;
    this.queued = null;
    if (next) this.show(next.address, next.fadeMs);
  }
}
