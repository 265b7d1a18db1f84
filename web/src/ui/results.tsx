/** The best places as a list, and what the map says as a whole. */

import { answers, colourRange, places } from "../answers";
import { canDraw } from "../quantity/quantities";
import { said } from "../quantity/words";
import { goTo } from "../map/panes";
import { momentWords, sideWords, isAsked } from "../question";
import { placeWords } from "../places/known";
import { change, isPlaying, spacingWords, store, view } from "../state";
import { LAYERS, type Which } from "../url";
import { degrees } from "./place";

/** The best places of a side. */
function Best({ which }: { which: Which }) {
  const side = view.value[which];
  if (!side || !isAsked(side) || !canDraw(side)) return null;
  const { data, isLoading, error } = places[which].value;
  const { mean } = answers[which].value.data ?? {};
  const range = colourRange(which, LAYERS[0]!);
  const title = side.quantity === null ? "Best places" : "Highest values";
  return (
    <section class="results" aria-label={which === "a" ? "Best places" : "Best places of B"} aria-busy={isLoading}>
      <h2>
        {view.value.b ? `${which.toUpperCase()}: ${sideWords(side)}` : title}
        <small>{momentWords(side.moment)}</small>
      </h2>
      {error && error.trouble !== "away" && <p class="problem">{error.message}</p>}
      {!data && isLoading && <div class="skeleton tall" aria-hidden="true" />}
      {data && data.length === 0 && <p class="dim">No place in this map.</p>}
      {data && (
        <ol class={isLoading || isPlaying.value ? "is-old" : ""}>
          {data.map(({ lat, lon, probability, name }, i) => (
            <li key={`${lat},${lon}`}>
              <button
                type="button"
                onClick={() => {
                  change({ place: { lat, lon, side: which } });
                  goTo(lat, lon);
                }}
              >
                <span class="rank">{i + 1}</span>
                <span class="ellipsis">{name ? placeWords(name)!.replace(/^near /, "") : degrees(lat, lon)}</span>
                <span class="number">{said(side, probability, range)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
      {typeof mean === "number" && (
        <p class="dim mean">
          Average over {side.quantity === null ? "all land" : "the map"} {said(side, mean, range)}
          {store.value && ` · ${store.value.name}, cells of\u00a0${spacingWords(store.value)}`}
        </p>
      )}
    </section>
  );
}

export function Results() {
  return (
    <>
      <Best which="a" />
      <Best which="b" />
      {store.value?.is_preparing && isAsked(view.value.a) && (
        <p class="dim mean">
          The server still prepares this map: for some minutes a new hour or month takes seconds.
        </p>
      )}
    </>
  );
}

/** The words of a result for those who do not see the map. */
export function resultWords(): string {
  const { a } = view.value;
  if (isPlaying.value || !isAsked(a)) return "";
  const { data, isLoading } = places.a.value;
  if (isLoading || !data) return "";
  const first = data[0];
  return `${sideWords(a)}, ${momentWords(a.moment)}: ${data.length} places${first ? `, best ${placeWords(first.name) ?? degrees(first.lat, first.lon)}` : ""}.`;
}

