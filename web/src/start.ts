/** What the page needs to know of the server before anything can be asked. */

import { batch } from "@preact/signals";
import { api, ApiError } from "./api";
import { base, palettes, startTrouble, stores } from "./state";

export async function start(): Promise<void> {
  try {
    const [known, colours, below] = await Promise.all([api.stores(), api.colours(), api.base()]);
    batch(() => {
      palettes.value = colours;
      base.value = below;
      stores.value = known;
      startTrouble.value = null;
    });
  } catch (error) {
    startTrouble.value = error instanceof ApiError ? error : new ApiError("broken", String(error));
  }
}
