/** The maps on the screen, for those parts of the page that move them. */

import { signal } from "@preact/signals";
import { isCalm } from "../state";
import type { Which } from "../url";
import type { Pane } from "./pane";

export const panes: Record<Which, Pane | null> = { a: null, b: null };

/** Whether a map shows what the state asks for. */
export const onScreen = { a: signal(true), b: signal(true) };

/** Shows all that lies within west, south, east and north. */
export function see([west, south, east, north]: readonly [number, number, number, number]): void {
  const map = panes.a?.map;
  map?.fitBounds([west, Math.max(-84, south), east, Math.min(84, north)], { animate: !isCalm.peek(), duration: 900, maxZoom: 6 });
}

export function goTo(lat: number, lon: number): void {
  const map = panes.a?.map;
  if (!map) return;
  const camera = { center: [lon, lat] as [number, number], zoom: Math.max(map.getZoom(), 2.6) };
  if (isCalm.peek()) map.jumpTo(camera);
  else map.flyTo({ ...camera, duration: 900 });
}
