/** Captions of the chosen place: the texts of the server that match it best at the time shown. */

import { isPublished, json, storePath } from "./api";
import { momentParams } from "./question";
import { resource } from "./resource";
import type { components } from "./schema";
import { isPlaying, store, view } from "./state";

type Captions = components["schemas"]["CaptionsModel"];

const REST_MS = 600;

/** Of a published page there are none: they need the model. */
export const captions = resource(
  () => {
    const { place } = view.value;
    const side = place && view.value[place.side];
    if (isPublished || isPlaying.value || !place || !side || !store.value) return null;
    const params = momentParams(side.moment);
    params.set("lat", String(place.lat));
    params.set("lon", String(place.lon));
    return { id: store.value.id, query: params.toString() };
  },
  ({ id, query }, signal) => json<Captions>(storePath(id, "captions"), new URLSearchParams(query), signal),
  REST_MS,
);
