/** The server's picture of the map, where the browser cannot draw one. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { address, isPublished, request, storePath } from "../api";
import { canDraw } from "../quantity/quantities";
import { isAsked, momentWords, questionParams, questionPath, sideWords } from "../question";
import { type Loaded, resource } from "../resource";
import { isPhone, isPlaying, isSmall, store, view } from "../state";
import type { Which } from "../url";

/** Why there is no map to move, if there is none: WebGL is absent, or was taken away for good. */
export const mapTrouble = signal<"absent" | "lost" | null>(null);

/** Between a map whose graphics context was taken away and the next one. */
export const isRemaking = signal(false);

const REST_MS = 350;
const REMAKE_MS = 600;
/** A context that is lost as often within as long is lost for good. */
const MOST_LOSSES = 3;
const LOSSES_MS = 60_000;

let losses: number[] = [];

/** Makes a map anew whose context was taken away, by a driver, a sleeping or a full machine. */
export function watchContext(canvas: HTMLCanvasElement): () => void {
  const lost = () => {
    const now = performance.now();
    losses = [...losses.filter((at) => at > now - LOSSES_MS), now];
    isPlaying.value = false;
    if (losses.length >= MOST_LOSSES) {
      mapTrouble.value = "lost";
      return;
    }
    isRemaking.value = true; // what is left of the map cannot be drawn on
    setTimeout(() => (isRemaking.value = false), REMAKE_MS);
  };
  canvas.addEventListener("webglcontextlost", lost);
  return () => canvas.removeEventListener("webglcontextlost", lost);
}

/** Says why a map could not be made. */
export function noMap(): void {
  mapTrouble.value = losses.length ? "lost" : "absent";
}

function pictureOf(which: Which): ReadonlySignal<Loaded<string>> {
  let last: string | null = null;
  return resource(
    () => {
      const side = view.value[which];
      const at = store.value;
      if (!mapTrouble.value || isPublished || isPlaying.value || !side || !at || !isAsked(side) || !canDraw(side)) return null;
      return { id: at.id, path: questionPath(side, "map.png"), query: questionParams(side).toString() };
    },
    async ({ id, path, query }, signal) => {
      const response = await request(address(storePath(id, path), new URLSearchParams(query)), { signal });
      const url = URL.createObjectURL(await response.blob());
      if (last) URL.revokeObjectURL(last);
      return (last = url);
    },
    REST_MS,
  );
}

export const pictures = { a: pictureOf("a"), b: pictureOf("b") };

function Picture({ which }: { which: Which }) {
  const side = view.value[which];
  const { data, isLoading, error } = pictures[which].value;
  if (!side) return null;
  const asked = isAsked(side);
  const isSettled = !asked || (!isLoading && (data !== null || error !== null));
  return (
    <figure class={`picture${isLoading ? " is-loading" : ""}`} data-side={which} data-settled={isSettled ? "yes" : "no"}>
      {data && asked ? (
        <img src={data} alt={`Map of ${sideWords(side)}, ${momentWords(side.moment)}`} />
      ) : (
        <p class="dim">{asked ? (error ? "" : "The server draws the map …") : "Ask for a sound, and the server draws its map here."}</p>
      )}
    </figure>
  );
}

/** What is wrong and what helps, above the pictures of both sides. */
export function Pictures() {
  const left = isPhone.value ? 0 : isSmall.value ? 324 : 376;
  return (
    <div class="pictures" style={{ "--from": `${left}px` }}>
      <div class="picture-why card" role="note">
        <p>
          {mapTrouble.value === "lost"
            ? "The browser has lost its graphics context (WebGL), and with it the map."
            : "This browser cannot draw the map: it has no WebGL 2, as in many virtual machines."}{" "}
          {!isPublished && "You see the server's picture instead. "}Hardware acceleration in the browser's settings brings the map back, or another browser.
        </p>
        <button type="button" class="soft" onClick={() => location.reload()}>Try the map again</button>
      </div>
      {!isPublished && (
        <div class="picture-row">
          <Picture which="a" />
          <Picture which="b" />
        </div>
      )}
    </div>
  );
}
