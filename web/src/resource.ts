/** Data that follows from the state: asked again when that changes, the last answer kept meanwhile. */

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "./api";
import { attempt } from "./state";

export interface Loaded<T> {
  readonly data: T | null;
  readonly isLoading: boolean;
  readonly error: ApiError | null;
  /** What `data` is the answer to. */
  readonly key: string;
}

/**
 * @param key what to ask for, or null for nothing; read inside, signals make it follow the state
 * @param load asks for it
 * @param delayMs waits for the state to rest
 */
export function resource<K, T>(
  key: () => K | null,
  load: (key: K, signal: AbortSignal) => Promise<T>,
  delayMs = 0,
): ReadonlySignal<Loaded<T>> {
  const nothing: Loaded<T> = { data: null, isLoading: false, error: null, key: "" };
  const state = signal<Loaded<T>>(nothing);
  let last = "";
  let stop: AbortController | null = null;
  effect(() => {
    const wanted = key();
    const text = wanted === null ? "" : JSON.stringify(wanted);
    const id = `${attempt.value} ${text}`;
    if (id === last) return;
    last = id;
    stop?.abort();
    if (wanted === null) {
      state.value = nothing;
      return;
    }
    const mine = (stop = new AbortController());
    const before = state.peek();
    if (before.key === text && before.data !== null && !before.error) return; // asked again, known
    state.value = { ...before, isLoading: true, error: null };
    const ask = async () => {
      try {
        const data = await load(wanted, mine.signal);
        if (!mine.signal.aborted) state.value = { data, isLoading: false, error: null, key: text };
      } catch (problem) {
        if (mine.signal.aborted) return;
        const error = problem instanceof ApiError ? problem : new ApiError("broken", String(problem));
        state.value = { data: null, isLoading: false, error, key: text };
      }
    };
    if (delayMs) setTimeout(() => !mine.signal.aborted && void ask(), delayMs);
    else void ask();
  });
  return state;
}
