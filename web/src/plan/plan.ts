/** Where to listen next: a plan of the server, asked for until it is done. */

import { computed, effect, signal } from "@preact/signals";
import { address, ApiError, json, pause, request, storePath } from "../api";
import { panes } from "../map/panes";
import { canDraw } from "../quantity/quantities";
import { isAsked, questionParams } from "../question";
import type { components } from "../schema";
import { active, store } from "../state";

export type Plan = components["schemas"]["PlanModel"];
export type Site = Plan["sites"][number];
export type Target = "shown" | "any";

export interface Wishes {
  readonly recorders: number;
  readonly apartKm: number;
  readonly target: Target;
  /** Only what the map shows, or all of the store. */
  readonly isExtent: boolean;
}

const POLL_MS = 700;

export const isOpen = signal(false);
export const wishes = signal<Wishes>({ recorders: 8, apartKm: 0, target: "shown", isExtent: true });

/** Of the wishes that were last asked for: what came of them, and how far it is. */
export const asked = signal<{ readonly id: string; readonly query: string; readonly wishes: Wishes; readonly question: string } | null>(null);
export const plan = signal<Plan | null>(null);
export const trouble = signal<string | null>(null);
export const isWorking = signal(false);

/** Whether what is shown was planned for another question, store or wish than now. */
export const isOld = computed(() => {
  const last = asked.value;
  return last !== null && (last.id !== store.value?.id || last.wishes !== wishes.value || last.question !== questionNow(last.wishes));
});

/** What a plan is to improve, as the page asks for it now. */
function questionNow({ target }: Wishes): string {
  const side = active.value;
  return target === "shown" && isAsked(side) && canDraw(side) ? `${side.quantity} ${questionParams(side)}` : "";
}

/** What the map shows, as an extent; east may lie beyond 180. */
function extent(): Record<string, string> {
  const bounds = panes.a?.map.getBounds();
  if (!bounds) return {};
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  if (east - west >= 360) return {};
  const shift = 360 * Math.round((west + east) / 720); // the map may have been turned around the Earth
  const round = (value: number) => value.toFixed(3);
  return {
    west: round(west - shift), east: round(east - shift),
    south: round(Math.max(-90, bounds.getSouth())), north: round(Math.min(90, bounds.getNorth())),
  };
}

/** The parameters of a plan for what is shown now. */
export function planParams({ recorders, apartKm, target, isExtent }: Wishes): URLSearchParams {
  const side = active.peek();
  const params = new URLSearchParams();
  if (target === "shown" && isAsked(side) && canDraw(side)) {
    questionParams(side).forEach((value, name) => params.append(name, value));
    if (side.quantity !== null) params.set("quantity", side.quantity);
  }
  params.set("recorders", String(recorders));
  params.set("min_distance_km", String(apartKm));
  if (isExtent) Object.entries(extent()).forEach(([name, value]) => params.set(name, value));
  return params;
}

let stop: AbortController | null = null;

export function forget(): void {
  stop?.abort();
  asked.value = plan.value = trouble.value = null;
  isWorking.value = false;
}

/** Asks for a plan, and again until it is done. */
export async function begin(): Promise<void> {
  const at = store.peek();
  if (!at) return;
  forget();
  const mine = (stop = new AbortController());
  const query = planParams(wishes.peek());
  asked.value = { id: at.id, query: query.toString(), wishes: wishes.peek(), question: questionNow(wishes.peek()) };
  isWorking.value = true;
  try {
    do {
      plan.value = await json<Plan>(storePath(at.id, "plan"), query, mine.signal);
      if (!plan.value.is_done) await pause(POLL_MS, mine.signal);
    } while (!plan.value.is_done);
  } catch (error) {
    if (mine.signal.aborted) return;
    trouble.value = error instanceof ApiError ? error.message : "The plan could not be made.";
    plan.value = null;
  }
  isWorking.value = false;
}

/** Saves the plan that is shown as a file. */
export async function save(form: "csv" | "gpx"): Promise<void> {
  const last = asked.peek();
  if (!last) return;
  const response = await request(address(storePath(last.id, `plan.${form}`), new URLSearchParams(last.query)));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `plan-${last.id}.${form}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

let planned: string | undefined;
effect(() => {
  const id = store.value?.id;
  if (planned !== undefined && id !== planned) forget(); // sites of another map
  planned = id;
});

/** How long it still takes, in words. */
export function leftWords({ seconds_left, progress }: Plan): string {
  if (seconds_left === null) return progress > 0 ? "some seconds" : "waiting for its turn";
  return seconds_left < 90 ? `about ${Math.max(1, Math.round(seconds_left))} s` : `about ${Math.round(seconds_left / 60)} min`;
}
