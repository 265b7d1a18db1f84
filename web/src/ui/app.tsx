/** The page. */

import { computed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answers, places, ranges } from "../answers";
import { isPublished } from "../api";
import { Maps } from "../map/maps";
import { onScreen } from "../map/panes";
import { mapTrouble, pictures } from "../map/picture";
import { active, announced, base, change, changeDiffering, edited, hasQuestion, isPhone, isPlaying, isSmall, sheetPx, spacingWords, startTrouble, store, stores, view } from "../state";
import { mapCredits } from "../places/known";
import { PlanPanel } from "../plan/panel";
import { isOpen as isPlanOpen } from "../plan/plan";
import { About as AboutQuantity, Chooser } from "../quantity/chooser";
import { isAsked } from "../question";
import { About } from "./about";
import { Audio, DropTarget } from "./audio";
import { Icon } from "./icons";
import { CompactLegend, Legend } from "./legend";
import { Notice } from "./notice";
import { Place } from "./place";
import { Results, resultWords } from "./results";
import { Examples, Nearest, Search, Unwanted } from "./search";
import { Choice, TimeBar } from "./time";
import { Toolbar } from "./toolbar";

const isBusy = computed(
  () =>
    !stores.value ||
    ranges.a.value.isLoading ||
    ranges.b.value.isLoading ||
    answers.a.value.isLoading ||
    places.a.value.isLoading ||
    places.b.value.isLoading ||
    !onScreen.a.value ||
    !onScreen.b.value ||
    pictures.a.value.isLoading ||
    pictures.b.value.isLoading,
);

function Sides() {
  if (!view.value.b) return null;
  return (
    <div class="sides">
      <Choice
        label="What the sides differ in"
        name="differing"
        value={view.value.differing}
        options={[["time", "Two times"], ["sound", "Two sounds"], ["both", "Both"]]}
        onChange={changeDiffering}
      />
      <Choice
        label="Side to change"
        name="side"
        value={edited.value}
        options={[["a", "Side A"], ["b", "Side B"]]}
        onChange={(which) => (edited.value = which)}
      />
    </div>
  );
}

function Stores() {
  const all = stores.value ?? [];
  if (all.length < 2) return null;
  return (
    <select
      class="stores"
      aria-label="Map"
      value={store.value?.id}
      onChange={(event) => change({ store: event.currentTarget.value, place: null, camera: null })}
    >
      {all.map((one) => <option key={one.id} value={one.id}>{one.name} · {spacingWords(one)}</option>)}
    </select>
  );
}

function Panel() {
  const isNew = !isAsked(active.value);
  const isSound = active.value.quantity === null;
  return (
    <div class="panel card">
      <header class="brand">
        <h1>{document.title}</h1>
        <Stores />
      </header>
      <Sides />
      <Chooser />
      {isSound ? <><Search /><Nearest /></> : <AboutQuantity />}
      {isNew && (
        <>
          <p class="welcome">
            Type a sound and see where on Earth you would hear it, at any hour of any month, and how sure that is.
          </p>
          <Examples />
        </>
      )}
      {isSound && (
        <div class={isNew ? "with with-new" : "with"}>
          <Unwanted />
          {!isPublished && <Audio />}
        </div>
      )}
      {!isPhone.value && isSmall.value && hasQuestion.value && <Legend />}
      {!isPhone.value && <Results />}
    </div>
  );
}

/** Where a question begins: the words, or the choice of a quantity. */
function focusQuestion(): void {
  (document.getElementById("search") ?? document.getElementById("subject"))?.focus();
}

export function App() {
  const isUp = useSignal(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as HTMLElement).matches("input[type=text], input[type=password], select");
      if (event.key === "/" && !isTyping) {
        event.preventDefault();
        focusQuestion();
      } else if (event.key === "Escape" && view.peek().place) change({ place: null });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const sheet = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What floats above the sheet has to know how high it is.
    const observer = new ResizeObserver(([entry]) => {
      const height = Math.round(entry?.target.clientHeight ?? 0);
      sheetPx.value = height;
      sheet.current?.parentElement?.style.setProperty("--sheet", `${height}px`);
    });
    observer.observe(sheet.current!);
    return () => observer.disconnect();
  }, []);
  const { place } = view.value;
  const hasLegend = hasQuestion.value && !mapTrouble.value; // pictures have their own
  useEffect(() => {
    if (place || isPlanOpen.value) isUp.value = true; // on a phone the sheet comes up to show it
  }, [place, isPlanOpen.value]);
  return (
    <div class="page" data-place={place ? "yes" : "no"} data-up={isUp.value ? "yes" : "no"} data-asked={hasQuestion.value ? "yes" : "no"} data-plan={isPlanOpen.value && !place ? "yes" : "no"}>
      <a class="skip" href="#search" onClick={(event) => (event.preventDefault(), focusQuestion())}>
        Go to the search
      </a>
      <main class="stage" aria-label="Map">
        {base.value || startTrouble.value ? <Maps key={base.value?.tiles ?? "none"} /> : null}
      </main>
      <div class="progress" data-busy={isBusy.value && !startTrouble.value ? "yes" : "no"} aria-hidden="true" />
      <div class="left"><Panel /></div>
      <div class="right">
        <Toolbar />
        {!isPhone.value && <><Place /><PlanPanel /></>}
      </div>
      <div class="sheet" ref={sheet}>
        <button
          type="button"
          class="handle"
          aria-expanded={isUp.value}
          aria-label={isUp.value ? "Show less" : "Show more"}
          onClick={() => (isUp.value = !isUp.value)}
        >
          <Icon name="up" />
        </button>
        {isPhone.value && hasLegend && <CompactLegend />}
        <TimeBar />
        {isPhone.value ? (
          <>
            <div class="more more-place"><Place /><PlanPanel /></div>
            {hasLegend && <div class="more"><Legend /></div>}
            <div class="more"><Results /></div>
          </>
        ) : (
          hasLegend && !isSmall.value && <Legend />
        )}
      </div>
      {!mapTrouble.value && (isPhone.value || !hasQuestion.value) && (
        <p class="attribution attribution-map">{mapCredits.value}</p>
      )}
      <About />
      <Notice />
      {!isPublished && <DropTarget />}
      <div class="hidden" role="status" aria-live="polite" data-testid="announcement">
        {announced.value} {isPlaying.value ? "" : resultWords()}
      </div>
    </div>
  );
}
