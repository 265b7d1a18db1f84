/** The chosen place: its value now, its year and day, what else sounds there, and how it sounds. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { colourRange, profile, sidePalette, sounds, values } from "../answers";
import { api, ApiError, isPublished } from "../api";
import { percent, percentIn } from "../colour";
import { quantityOf, refusalOf, WIDTH_WORDS } from "../quantity/quantities";
import { numberIn, said } from "../quantity/words";
import { localHour, momentAt, momentWords, parseTerms, sideWords, isAsked, type Side } from "../question";
import { placeWords } from "../places/known";
import { active, change, changeSide, edited, layerWords, store, view } from "../state";
import { playSound, type Playback } from "../sound";
import { trueValue } from "../truth";
import { FADING, layerOf, LAYERS, type Which } from "../url";
import { Captions } from "./captions";
import { Heatmap } from "./heatmap";
import { Icon } from "./icons";

export function degrees(lat: number, lon: number): string {
  const one = (at: number, plus: string, minus: string) => `${Math.abs(at).toFixed(1)}° ${at < 0 ? minus : plus}`;
  return `${one(lat, "N", "S")}, ${one(lon, "E", "W")}`;
}

function Listen({ lat, lon }: { lat: number; lon: number }) {
  const state = useSignal<"idle" | "loading" | Playback>("idle");
  const trouble = useSignal<string | null>(null);
  const { moment } = active.value;
  const month = moment.month ?? 7;
  const hour = localHour(moment, lon) ?? 12;
  useEffect(() => () => {
    const now = state.peek();
    if (typeof now === "object") now.stop();
  }, [lat, lon]);
  const toggle = async () => {
    trouble.value = null;
    const now = state.value;
    if (typeof now === "object") {
      now.stop();
      return;
    }
    state.value = "loading";
    try {
      const playback = await playSound(await api.listen(lat, lon, month, hour));
      state.value = playback;
      await playback.ended;
    } catch (error) {
      trouble.value = error instanceof ApiError ? error.message : "The browser cannot play this.";
    }
    state.value = "idle";
  };
  const isOn = typeof state.value === "object";
  return (
    <>
      <button type="button" class={isOn ? "soft wide is-on" : "soft wide"} disabled={state.value === "loading"} onClick={() => void toggle()}>
        <Icon name={isOn ? "stop" : "ear"} />
        {state.value === "loading" ? "Synthesising …" : isOn ? "Stop" : "Listen to the simulated place"}
      </button>
      {trouble.value && <p class="problem" role="alert">{trouble.value}</p>}
    </>
  );
}

function Sounds() {
  const { data, isLoading, error } = sounds.value;
  if (error) return <p class="dim">What else sounds here is not known now.</p>;
  if (!data) return isLoading ? <div class="skeleton" aria-hidden="true" /> : null;
  if (!data.top.length) return null;
  const most = Math.max(...data.top.map(({ probability }) => probability), 1e-9);
  return (
    <>
      <h3>Likeliest sounds then</h3>
      <ul class="bars" data-testid="top-sounds">
        {data.top.slice(0, 6).map(({ text, probability }) => (
          <li key={text}>
            <button type="button" class="link" title={`Look for ${text}`} onClick={() => changeSide({ ...parseTerms(text), audio: [] })}>
              {text}
            </button>
            <span class="bar" aria-hidden="true"><span style={{ width: `${(100 * probability) / most}%` }} /></span>
            <span class="number">{percent(probability)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What the large number beside it is. */
function meaning(side: Side): string {
  if (side.quantity === null) return "chance that a recording made here then matches";
  return quantityOf(side)?.kind === "measure"
    ? "nine of ten measurements made here then would lie in the interval"
    : "with the interval that the model takes to hold the truth nine times of ten";
}

function Value({ which }: { which: Which }) {
  const { data, isLoading, error } = values[which].value;
  const { b } = view.value;
  const side = view.value[which];
  if (!side || !isAsked(side)) return null;
  const truth = trueValue(which);
  const range = colourRange(which, LAYERS[0]!);
  const refusal = refusalOf(side);
  return (
    <>
      <p class="asked">{b && <b>{which.toUpperCase()} · </b>}{sideWords(side)} <span class="dim">· {momentWords(side.moment)}</span></p>
      {error && <p class="problem">{error.message}</p>}
      {refusal && <p class="dim">Not known here: this map cannot answer it.</p>}
      {!data && isLoading && <div class="skeleton" aria-hidden="true" />}
      {data && data.probability === null && (
        <p class="dim">No answer here: the map has no imagery of this place, or the model has learnt of none like it. On the globe that is the open sea.</p>
      )}
      {data && data.probability !== null && (
        <p class="value" data-testid={which === "a" ? "value" : "value-b"}>
          <b>{said(side, data.probability, range)}</b>
          {data.interval ? (
            <span class="dim" data-testid="interval">{data.interval.map((end) => said(side, end, range)).join(" to ")}</span>
          ) : (
            data.uncertainty !== null && <span class="dim">± {percent(data.uncertainty)}</span>
          )}
          {truth !== null && (
            <small data-testid="true-value"><strong>{percent(truth)}</strong> in truth, by the rules of the simulated Earth</small>
          )}
          {(side.quantity !== null || which === "b" || !b) && <small>{meaning(side)}</small>}
        </p>
      )}
    </>
  );
}

export function Place() {
  const { place, layer, b } = view.value;
  if (!place) return null;
  const side = (place.side === "b" && b) || view.value.a;
  const { data, error } = profile.value;
  const named = placeWords(data?.place ?? sounds.value.data?.place);
  const shown = data?.[layerOf(layer)];
  const quantity = quantityOf(side);
  const choose = (month: number, hour: number) => {
    const moment = momentAt(side.moment, month, hour, place.lon);
    if (b) edited.value = place.side;
    changeSide({ moment });
  };
  return (
    <section class="place card" aria-label="Chosen place">
      <header>
        <div>
          <h2>{named ? named.charAt(0).toUpperCase() + named.slice(1) : degrees(place.lat, place.lon)}</h2>
          <p class="dim">{named ? degrees(place.lat, place.lon) : data && !data.land ? "sea" : ""}</p>
        </div>
        <button type="button" class="quiet" aria-label="Close the place" onClick={() => change({ place: null })}>
          <Icon name="close" />
        </button>
      </header>
      <Value which="a" />
      <Value which="b" />
      {error && <p class="problem">{error.message}</p>}
      {!data && profile.value.isLoading && <div class="skeleton tall" aria-hidden="true" />}
      {shown && data && (
        <>
          <h3>{b && `${place.side.toUpperCase()} t`}{!b && "T"}hrough the year and the day</h3>
          <Heatmap
            values={shown}
            uncertainty={layer === "both" && !quantity ? data[FADING] : null}
            css={sidePalette(side, layerOf(layer)).css}
            month={side.moment.month}
            hour={localHour(side.moment, place.lon)}
            label={layerOf(layer) === LAYERS[0] ? data.label : quantity ? WIDTH_WORDS : layerWords(layerOf(layer))}
            say={quantity ? (value, range) => numberIn(value, range, quantity.unit) : percentIn}
            onChoose={choose}
          />
        </>
      )}
      {store.value?.is_simulated && !isPublished && <Listen lat={place.lat} lon={place.lon} />}
      <Sounds />
      <Captions />
    </section>
  );
}
