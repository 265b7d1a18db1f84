/** Fewer pixels while the time moves, where the graphics card cannot keep up with all of them. */

import type { Map as GlMap } from "maplibre-gl";

/** Longer than this a frame may not take, or movement looks like steps. */
const SLOW_MS = 36;
const SLOW_FRAMES = 2;
const COARSE = 0.5;
const REST_MS = 500;

export class Haste {
  private slow = 0;
  private isCoarse = false;
  private rest = 0;

  constructor(private readonly map: GlMap) {}

  /** Another picture was drawn: sees how long it takes, and whether more follow. */
  drawn(): void {
    const start = performance.now();
    requestAnimationFrame(() => {
      this.slow = performance.now() - start > SLOW_MS ? this.slow + 1 : 0;
      if (this.slow >= SLOW_FRAMES) this.set(true);
    });
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => this.set(false), REST_MS);
  }

  stop(): void {
    clearTimeout(this.rest);
  }

  private set(isCoarse: boolean): void {
    this.slow = 0;
    if (isCoarse === this.isCoarse) return;
    this.isCoarse = isCoarse;
    this.map.setPixelRatio((isCoarse ? COARSE : 1) * window.devicePixelRatio);
  }
}
