/** The gazetteer of the page, loaded when the first map is there: nothing waits for it. */

import { computed, effect, signal } from "@preact/signals";
import { onScreen } from "../map/panes";
import { base, stores } from "../state";
import { type Gazetteer, parseGazetteer, withCountry } from "./gazetteer";

const REST_MS = 1500;

export const gazetteer = signal<Gazetteer | null>(null);

let asked: Promise<void> | null = null;

/** Loads it, once; without it places have no names, and can be asked for again. */
export function loadGazetteer(): Promise<void> {
  asked ??= (async () => {
    try {
      const response = await fetch(new URL("./places.txt", import.meta.url));
      if (!response.ok) throw new Error(response.statusText);
      gazetteer.value = parseGazetteer(await response.text());
    } catch {
      asked = null;
    }
  })();
  return asked;
}

effect(() => {
  if (stores.value && onScreen.a.value && !asked) setTimeout(() => void loadGazetteer(), REST_MS);
});

/** Whose the base map and the names on it are. */
export const mapCredits = computed(() =>
  [base.value?.attribution, gazetteer.value && "GeoNames (CC BY 4.0)"].filter(Boolean).join(" · "),
);

/** The name of a place as people say it. */
export function placeWords(name: string | null | undefined): string | null {
  return name && gazetteer.value ? withCountry(gazetteer.value, name) : (name ?? null);
}
