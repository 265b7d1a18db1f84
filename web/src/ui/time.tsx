/** When: the month, the hour, which clock, and playing through either. */

import { useEffect, useRef } from "preact/hooks";
import { clockWords, momentWords, MONTHS } from "../question";
import { active, changeClock, changeMoment, isPlaying, lastHour, view, change } from "../state";
import { mapTrouble } from "../map/picture";
import { stopPlaying, togglePlaying } from "../play";
import { Icon } from "./icons";

function Choice<T extends string>(props: {
  label: string;
  name: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <div class="segments" role="radiogroup" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <label key={value} class={value === props.value ? "is-on" : ""}>
          <input
            type="radio"
            name={props.name}
            value={value}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          {text}
        </label>
      ))}
    </div>
  );
}

export { Choice };

function Months() {
  const { month } = active.value.moment;
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // In a row that is scrolled, the chosen one is seen.
    const chosen = row.current?.querySelector<HTMLElement>(".is-on");
    if (chosen && row.current) row.current.scrollLeft = chosen.offsetLeft - row.current.clientWidth / 2;
  }, [month]);
  return (
    <div ref={row} class="months" role="radiogroup" aria-label="Month">
      {MONTHS.map((name, i) => (
        <label key={name} class={month === i + 1 ? "is-on" : ""} title={name}>
          <input
            type="radio"
            name="month"
            aria-label={name}
            checked={month === i + 1}
            onChange={() => changeMoment({ month: i + 1 })}
          />
          <span aria-hidden="true">{name.slice(0, 3)}</span>
        </label>
      ))}
      <label class={month === null ? "is-on" : ""}>
        <input
          type="radio"
          name="month"
          aria-label="Any month"
          checked={month === null}
          onChange={() => changeMoment({ month: null })}
        />
        <span aria-hidden="true">any</span>
      </label>
    </div>
  );
}

function Hours() {
  const { moment } = active.value;
  const { hour, clock } = moment;
  const shown = lastHour.value;
  return (
    <div class="hours">
      <div class={`hour-track ${clock}`} data-any={hour === null ? "yes" : "no"}>
        <input
          id="hour"
          type="range"
          min={0}
          max={23}
          step={1}
          value={shown}
          aria-label={clock === "utc" ? "Hour of UTC" : "Local hour"}
          aria-valuetext={hour === null ? "any hour" : momentWords(moment).split(", ")[1]}
          onInput={(event) => {
            stopPlaying();
            changeMoment({ hour: Number(event.currentTarget.value) }, "none");
          }}
          onChange={(event) => changeMoment({ hour: Number(event.currentTarget.value) })}
        />
        <div class="hour-ticks" aria-hidden="true">
          {["00", "06", "12", "18", "23"].map((tick) => (
            <span key={tick} style={{ left: `${(100 * Number(tick)) / 23}%` }}>{tick}</span>
          ))}
        </div>
      </div>
    </div>
  );
}

export function TimeBar() {
  const { moment } = active.value;
  const { over } = view.value;
  const playing = isPlaying.value;
  return (
    <section class="time card" aria-label="Time">
      <div class="time-head">
        {!mapTrouble.value && (
          <button
            type="button"
            class="play"
            aria-label={playing ? "Pause" : `Play through the ${over === "hours" ? "day" : "year"}`}
            aria-pressed={playing}
            onClick={togglePlaying}
          >
            <Icon name={playing ? "pause" : "play"} solid={!playing} />
          </button>
        )}
        <output class="now" for="hour">
          <b>{moment.hour === null ? "any hour" : clockWords(moment.hour)}</b>
          <span>{moment.month === null ? "any month" : MONTHS[moment.month - 1]}</span>
        </output>
        <div class="time-options">
          <Choice
            label="Play over"
            name="over"
            value={over}
            options={[["hours", "Day"], ["months", "Year"]]}
            onChange={(value) => change({ over: value })}
          />
          <Choice
            label="Clock"
            name="clock"
            value={moment.hour === null ? "any" : moment.clock}
            options={[["local", "Local"], ["utc", "UTC"], ["any", "Any hour"]]}
            onChange={changeClock}
          />
        </div>
      </div>
      <Hours />
      <Months />
      <p class="clock-note">
        {moment.hour === null
          ? "The whole day taken together."
          : moment.clock === "utc"
            ? "One instant: each place at the hour it has then."
            : "The same solar hour in every place."}
      </p>
    </section>
  );
}
