/** The map of the page, a second one while two sides are compared, and the divider between them. */

import { computed, effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fields, isWaiting, places, tiles, unfamiliar } from "../answers";
import { followSites } from "../plan/marks";
import { isOpen as isPlanOpen } from "../plan/plan";
import { gazetteer } from "../places/known";
import { sideWords, momentWords, isAsked } from "../question";
import { base, change, edited, isCalm, isLow, isPhone, isPlaying, isSmall, sheetPx, store, theme, view } from "../state";
import type { View, Which } from "../url";
import { goTo, onScreen, panes } from "./panes";
import { Pane } from "./pane";
import { isRemaking, mapTrouble, noMap, Pictures, watchContext } from "./picture";
import { Divider } from "./divider";
import { isStale, Waiting } from "./waiting";

/** Deepest tiles that still show something new: beyond, the map enlarges them. */
function deepest(): number {
  const degrees = store.peek()?.spacing_deg;
  if (!degrees) return 14;
  return Math.max(2, Math.min(14, Math.ceil(Math.log2((360 / 256) * (6 / degrees)))));
}

const hasPlace = computed(() => view.value.place !== null || isPlanOpen.value);

/** What panels leave free of the map, in pixels from each edge. */
const clear = computed(() => {
  if (isLow.value) return { left: 256, right: 0, top: 0, bottom: sheetPx.value };
  if (isPhone.value) return { left: 0, right: 0, top: 90, bottom: sheetPx.value };
  // Not above and below: the map would leave empty strips beyond the poles.
  const left = isSmall.value ? 324 : 376;
  return { left, right: hasPlace.value ? left - 16 : 8, top: 0, bottom: 0 };
});

function choose(which: Which) {
  return (lat: number, lon: number) => change({ place: { lat, lon, side: which } });
}

function Map({ which }: { which: Which }) {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const pane = paneIn(container.current!, which);
    if (!pane) return;
    panes[which] = pane;
    const stops: (() => void)[] = [watchContext(pane.map.getCanvas())];
    void pane.ready.then(() => {
      if (panes[which] !== pane) return;
      stops.push(...follow(pane, which), followSites(pane.map, ({ lat, lon }) => choose(which)(lat, lon)));
    });
    return () => {
      stops.forEach((stop) => stop());
      if (panes[which] === pane) panes[which] = null;
      onScreen[which].value = true;
      pane.remove();
    };
  }, []);
  return (
    <div
      class={`map map-${which}`}
      ref={container}
      data-side={which}
      data-settled={onScreen[which].value ? "yes" : "no"}
      data-stale={isStale[which].value ? "yes" : "no"}
    />
  );
}

/** A map, or null where the browser cannot draw one. */
function paneIn(container: HTMLDivElement, which: Which): Pane | null {
  try {
    return new Pane({
      container,
      base: base.peek(),
      label: which === "a" ? "Map" : "Second map",
      deepest,
      onClick: choose(which),
      onDrawn: () => (onScreen[which].value = true),
    });
  } catch (problem) {
    console.warn("no map:", problem);
    onScreen[which].value = true;
    noMap();
    return null;
  }
}

/** Makes a map follow the state; returns what ends that. */
function follow(pane: Pane, which: Which): (() => void)[] {
  const other = () => panes[which === "a" ? "b" : "a"];
  let isFollowing = false;
  const { camera } = view.peek();
  const first = other()?.map;
  if (which === "b" && first) pane.map.jumpTo({ center: first.getCenter(), zoom: first.getZoom() });
  else if (camera) pane.map.jumpTo({ center: [camera.lon, camera.lat], zoom: camera.zoom });
  pane.map.on("move", () => {
    const twin = other();
    if (isFollowing || !twin || twin.map.isMoving()) return;
    isFollowing = true;
    twin.map.jumpTo({ center: pane.map.getCenter(), zoom: pane.map.getZoom() });
    isFollowing = false;
  });
  pane.map.on("moveend", () => {
    if (which === "b") return;
    const { lat, lng } = pane.map.getCenter();
    const zoom = pane.map.getZoom();
    const before = view.peek().camera;
    if (before?.lat === lat && before.lon === lng && before.zoom === zoom) return; // only resized
    // Later: the map also moves inside effects, which must not change what they follow.
    queueMicrotask(() => change({ camera: { lat, lon: lng, zoom } }, "replace"));
  });
  pane.map.on("idle", () => (onScreen[which].value = pane.isSettled && !isWaiting[which].peek()));
  let last: View["place"] = null;
  let fitted: string | null = camera ? (store.peek()?.id ?? null) : null;
  return [
    effect(() => pane.setTheme(theme.value)),
    effect(() => {
      if (gazetteer.value) pane.setLabels(gazetteer.value, theme.peek());
    }),
    effect(() => pane.setPadding(clear.value)),
    effect(() => pane.setGlobe(view.value.isGlobe)),
    effect(() => pane.setPale(unfamiliar(which) !== "")),
    effect(() => {
      const at = store.value;
      if (!at || at.id === fitted || which === "b") return;
      fitted = at.id;
      pane.fit(at);
    }),
    effect(() => {
      const field = fields[which].value;
      const address = tiles[which].value;
      if (field) {
        pane.field.show(field);
        pane.answer.clear();
        return;
      }
      if (address) {
        pane.clearField();
        pane.answer.show(address, isPlaying.peek() && !isCalm.peek() ? 220 : 0);
      } else if (!isWaiting[which].value) {
        pane.clearField();
        pane.answer.clear();
      }
      onScreen[which].value = pane.answer.isSettled && !isWaiting[which].value;
    }),
    effect(() => {
      const { place } = view.value;
      pane.setPlace(place?.side === which || (place && !view.value.b) ? place : null);
      if (place === last || !isPhone.peek() || which === "b") return;
      last = place;
      if (place) setTimeout(() => goTo(place.lat, place.lon), 80); // when the sheet has come up
    }),
    effect(() => {
      // The numbers of a plan would be mixed up with those of the best places.
      const found = isPlaying.value || isPlanOpen.value ? [] : (places[which].value.data ?? []);
      pane.setPlaces(found, (place) => choose(which)(place.lat, place.lon));
    }),
  ];
}

function Caption({ which }: { which: Which }) {
  const side = view.value[which];
  if (!side) return null;
  return (
    <button
      type="button"
      class={`caption caption-${which}`}
      aria-pressed={edited.value === which}
      onClick={() => (edited.value = which)}
    >
      <b>{which.toUpperCase()}</b>
      <span>
        {isAsked(side) ? sideWords(side) : "nothing asked"}
        <small>{momentWords(side.moment)}</small>
      </span>
    </button>
  );
}

export function Maps() {
  const { b, swipe } = view.value;
  if (mapTrouble.value) return <div class="maps"><Pictures /></div>;
  if (isRemaking.value) return <div class="maps" />;
  return (
    <div class="maps" style={{ "--swipe": `${100 * swipe}%` }} data-compare={b ? "yes" : "no"}>
      <Map which="a" />
      {b && <Map which="b" />}
      {b && <Divider />}
      {b && <Caption which="a" />}
      {b && <Caption which="b" />}
      <Waiting />
    </div>
  );
}
