/** What the page needs to know of the server before anything can be asked. */

import { batch } from "@preact/signals";
import { api, ApiError } from "./api";
import { base, layers, palettes, startTrouble, stores } from "./state";

export async function start(): Promise<void> {
  try {
    const [known, colours, bands, below] = await Promise.all([
      api.stores(), api.colours(), api.layers(), api.base(),
    ]);
    batch(() => {
      palettes.value = colours;
      layers.value = bands;
      base.value = below;
      stores.value = known;
      startTrouble.value = null;
    });
    watchPreparing();
  } catch (error) {
    startTrouble.value = error instanceof ApiError ? error : new ApiError("broken", String(error));
  }
}

const LOOK_MS = 15_000;
let timer = 0;

/** A store becomes fast some minutes after the first start of its server. */
function watchPreparing(): void {
  clearTimeout(timer);
  if (!stores.peek()?.some(({ is_preparing }) => is_preparing)) return;
  timer = window.setTimeout(async () => {
    try {
      stores.value = await api.stores();
    } catch {
      // The next question will say so.
    }
    watchPreparing();
  }, LOOK_MS);
}
