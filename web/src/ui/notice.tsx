/** What went wrong, in words, with what can be done about it. */

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answers, places, profile, ranges, unfamiliar } from "../answers";
import { api, type ApiError, isPublished, setKey } from "../api";
import { pictures } from "../map/picture";
import { whenTilesFail } from "../map/tiles";
import { attempt, change, startTrouble, stores, view } from "../state";
import { start } from "../start";
import { truths } from "../truth";
import { stopPlaying } from "../play";

const tileTrouble = signal<ApiError | null>(null);
whenTilesFail((error) => {
  tileTrouble.value = error;
  stopPlaying();
});

const POLL_MS = 4000;

function currentTrouble(): ApiError | null {
  if (startTrouble.value) return startTrouble.value;
  const all = [ranges.a, ranges.b, answers.a, answers.b, places.a, places.b, profile, pictures.a, pictures.b].map(({ value }) => value.error);
  all.push(truths.a.error.value, truths.b.error.value);
  const found = all.filter((error) => error !== null);
  return found.find(({ trouble }) => trouble === "away") ?? found[0] ?? tileTrouble.value;
}

async function again(): Promise<void> {
  tileTrouble.value = null;
  if (startTrouble.value || !stores.value) await start();
  attempt.value++;
  // Tiles that failed are asked for under a new address only when something changes.
  const { a } = view.value;
  change({ a: { ...a } }, "none");
}

/** Asks now and then whether the server is back. */
function useReturn(isAway: boolean): void {
  useEffect(() => {
    if (!isAway) return;
    const timer = setInterval(async () => {
      try {
        await api.stores();
        await again();
      } catch {
        // Still away.
      }
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [isAway]);
}

function useCountdown(error: ApiError | null): number | null {
  const left = useSignal<number | null>(null);
  useEffect(() => {
    left.value = error?.trouble === "busy" ? Math.ceil(error.retryAfter ?? 3) : null;
    if (left.value === null) return;
    const timer = setInterval(() => {
      left.value = (left.value ?? 1) - 1;
      if (left.value <= 0) {
        clearInterval(timer);
        void again();
      }
    }, 1000);
    return () => clearInterval(timer);
  }, [error]);
  return left.value;
}

function KeyForm() {
  const text = useSignal("");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        setKey(text.value.trim());
        void again();
      }}
    >
      <input type="password" aria-label="Key of the server" autocomplete="off" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      <button type="submit" class="soft">Use it</button>
    </form>
  );
}

/** What the model says of questions that it does not know. */
function Unfamiliar() {
  const found = [...new Set([unfamiliar("a"), unfamiliar("b")])].filter(Boolean);
  if (!found.length) return null;
  return (
    <div class="notice card is-mild" role="status">
      {found.map((statement) => <p key={statement}>{statement}.</p>)}
    </div>
  );
}

export function Notice() {
  const error = currentTrouble();
  const isAway = error?.trouble === "away";
  useReturn(isAway);
  const left = useCountdown(error);
  if (!error) return <Unfamiliar />;
  const dropAudio = () => {
    const { a, b } = view.value;
    change({ a: { ...a, audio: [] }, b: b && { ...b, audio: [] } });
    void again();
  };
  return (
    <div class="notice card" role="alert" data-trouble={error.trouble}>
      <p>
        {isAway ? "The server does not answer. The page tries again every few seconds." : error.message}
        {error.trouble === "unknown-audio" && " Drop the recording on the page once more to ask with it."}
        {left !== null && left > 0 && ` Next try in ${left} s.`}
      </p>
      {error.trouble === "key" && <KeyForm />}
      {error.trouble === "unknown-audio" ? (
        <button type="button" class="soft" onClick={dropAudio}>Ask without it</button>
      ) : (
        error.trouble !== "key" && !(isPublished && error.trouble === "refused") && <button type="button" class="soft" onClick={() => void again()}>Try again</button>
      )}
    </div>
  );
}
