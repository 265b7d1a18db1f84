/** The best places as a list, and what the map says as a whole. */

import { answers, places } from "../answers";
import { percent } from "../colour";
import { goTo } from "../map/panes";
import { momentWords, sideWords, isAsked } from "../question";
import { change, isPlaying, spacingWords, store, view } from "../state";
import { degrees } from "./place";

export function Results() {
  const { a, b } = view.value;
  if (!isAsked(a)) return null;
  const { data, isLoading, error } = places.value;
  const answer = answers.a.value;
  return (
    <section class="results" aria-label="Best places" aria-busy={isLoading}>
      <h2>
        {b ? "Best places of A" : "Best places"}
        <small>{momentWords(a.moment)}</small>
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
                  change({ place: { lat, lon, side: "a" } });
                  goTo(lat, lon);
                }}
              >
                <span class="rank">{i + 1}</span>
                <span class="ellipsis">{name ? name.replace(/^near /, "") : degrees(lat, lon)}</span>
                <span class="number">{percent(probability)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
      {store.value?.is_preparing && (
        <p class="dim mean">
          The server still prepares this map: for some minutes a new hour or month takes seconds.
        </p>
      )}
      {answer.data && typeof answer.data.mean === "number" && (
        <p class="dim mean">
          Average over all land {percent(answer.data.mean)}
          {store.value && ` · ${store.value.name}, cells of\u00a0${spacingWords(store.value)}`}
        </p>
      )}
    </section>
  );
}

/** The words of a result for those who do not see the map. */
export function resultWords(): string {
  const { a } = view.value;
  if (isPlaying.value || !isAsked(a)) return "";
  const { data, isLoading } = places.value;
  if (isLoading || !data) return "";
  const first = data[0];
  return `${sideWords(a)}, ${momentWords(a.moment)}: ${data.length} places${first ? `, best ${first.name ?? degrees(first.lat, first.lon)}` : ""}.`;
}

