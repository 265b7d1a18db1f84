/** The API of the server, and what can go wrong on the way to it; its types are in schema.ts. */

import type { Truth } from "./drawn/truth";
import { answerFrom, suggestions, type Table } from "./published/phrases";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Answer = Schemas["AnswerModel"];
export type Base = Schemas["BaseMapModel"];
export type Found = Schemas["FoundModel"];
export type Model = Schemas["ModelModel"];
export type LayerWords = Schemas["LayerModel"];
export type Palette = Schemas["ColoursModel"];
export type Quantity = Schemas["QuantityModel"];
export type Profile = Schemas["ProfileModel"];
export type Ranges = Schemas["RangesModel"];
export type Scale = Schemas["ScaleModel"];
export type Sounds = Schemas["SoundsModel"];
export type Store = Schemas["StoreModel"];
export type Upload = Schemas["UploadModel"];
export type Value = Schemas["ValueModel"];

export type Trouble = "away" | "busy" | "key" | "unknown-audio" | "unknown-store" | "refused" | "broken";

/** What the server, or its absence, says; the message is meant for people. */
export class ApiError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** The folder the page was served from: it may be mounted anywhere. */
export const root = new URL(".", document.baseURI);
const base = new URL("api/v1/", root);

/** Whether the page is a folder of files with no server behind it; `psm publish` marks it so. */
export const isPublished = document.querySelector('meta[name="psm-published"]') !== null;

const MOST_WAITS = 2;
const LONGEST_WAIT_S = 8;

export function address(path: string, params?: URLSearchParams): string {
  const query = params?.toString();
  return new URL(path, base).href + (query ? `?${query}` : "");
}

export const storePath = (store: string, path: string) => `stores/${encodeURIComponent(store)}/${path}`;

let key: string | null = sessionStorage.getItem("psm-key");

/** The key that the server wants; kept until the tab is closed, never part of a link. */
export function setKey(text: string): void {
  key = text;
  sessionStorage.setItem("psm-key", text);
}

async function failure(response: Response): Promise<ApiError> {
  let detail = "";
  let type = "";
  try {
    const problem = (await response.json()) as Partial<Schemas["ProblemModel"]>;
    detail = problem.detail ?? "";
    type = problem.type ?? "";
  } catch {
    // Not a problem of this server, perhaps of a proxy before it.
  }
  const after = Number(response.headers.get("Retry-After"));
  const retryAfter = Number.isFinite(after) && after > 0 ? after : null;
  const { status } = response;
  if (status === 401 || status === 403) return new ApiError("key", detail || "This server wants a key.");
  if (status === 429 || status === 503) {
    return new ApiError("busy", detail || "The server has too much to do.", retryAfter ?? 2);
  }
  if (type.endsWith("unknown-audio")) return new ApiError("unknown-audio", detail);
  if (type.endsWith("unknown-store")) return new ApiError("unknown-store", detail);
  if (status === 502 || status === 504) return new ApiError("away", "The server does not answer.");
  if (status >= 500) return new ApiError("broken", detail || `The server failed (${status}).`);
  return new ApiError("refused", detail || `The server refused this (${status}).`);
}

export const pause = (ms: number, signal?: AbortSignal | null) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    });
  });

/** Fetches, waits as long as a busy server asks, and turns what fails into an `ApiError`. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  for (let waits = 0; ; waits++) {
    let response: Response;
    try {
      const headers = { ...(key ? { "X-API-Key": key } : {}), ...(init.headers as object) };
      response = await fetch(url, { ...init, headers });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError("away", "The server does not answer.");
    }
    if (response.ok) return response;
    const error = await failure(response);
    const wait = error.retryAfter ?? 0;
    if (error.trouble !== "busy" || waits >= MOST_WAITS || wait > LONGEST_WAIT_S) throw error;
    await pause(1000 * wait, init.signal);
  }
}

export async function json<T>(path: string, params?: URLSearchParams, signal?: AbortSignal): Promise<T> {
  const url = isPublished ? address(`${path}.json`) : address(path, params);
  const response = await request(url, signal ? { signal } : {});
  return (await response.json()) as T;
}

const tables = new Map<string, Promise<Table>>();

/** The phrases that a published folder can be asked. */
function phrases(store: string): Promise<Table> {
  const known = tables.get(store);
  if (known) return known;
  const found = json<Table>(storePath(store, "phrases"));
  tables.set(store, found);
  found.catch(() => tables.delete(store));
  return found;
}

async function fromTable(store: string, question: URLSearchParams) {
  const table = await phrases(store);
  try {
    return answerFrom(table, question);
  } catch (error) {
    throw new ApiError("refused", (error as Error).message);
  }
}

const server = {
  stores: () => json<Store[]>("stores"),
  models: () => json<Model[]>("models"),
  colours: () => json<Palette[]>("colours"),
  layers: () => json<LayerWords[]>("layers"),
  quantities: (store: string, signal: AbortSignal) =>
    json<Quantity[]>(storePath(store, "quantities"), undefined, signal),
  base: () => json<Base>("base"),
  suggestions: (prefix: string, signal: AbortSignal) =>
    json<string[]>("suggestions", new URLSearchParams({ prefix }), signal),
  range: (store: string, question: URLSearchParams, signal: AbortSignal) =>
    json<Scale>(storePath(store, "range"), question, signal),
  answer: (store: string, question: URLSearchParams, signal: AbortSignal) =>
    json<Answer>(storePath(store, "answer"), question, signal),
  truth: (store: string, question: URLSearchParams, signal?: AbortSignal) =>
    json<Truth>(storePath(store, "truth"), question, signal),
  profile: (store: string, question: URLSearchParams, signal: AbortSignal) =>
    json<Profile>(storePath(store, "profile"), question, signal),
  value: (store: string, question: URLSearchParams, signal: AbortSignal) =>
    json<Value>(storePath(store, "value"), question, signal),
  sounds: (store: string, place: URLSearchParams, signal: AbortSignal) =>
    json<Sounds>(storePath(store, "sounds"), place, signal),
  places: (store: string, question: URLSearchParams, signal: AbortSignal) =>
    json<Found[]>(storePath(store, "places"), question, signal),
  async listen(lat: number, lon: number, month: number, hour: number): Promise<ArrayBuffer> {
    const params = new URLSearchParams(
      Object.entries({ lat, lon, month, hour }).map(([name, value]) => [name, String(value)]),
    );
    return (await request(address("listen", params))).arrayBuffer();
  },
  async upload(file: Blob, name: string): Promise<Upload> {
    const form = new FormData();
    form.append("file", file, name);
    return (await request(address("audio"), { method: "POST", body: form })).json() as Promise<Upload>;
  },
};

/** The same from the files of a published folder; what else a server does, the page does not offer there. */
const folder: Partial<typeof server> = {
  quantities: async () => [],
  suggestions: async (prefix) => {
    const [first] = tables.values();
    return first ? suggestions(await first, prefix) : [];
  },
  range: async (store, question) => (await fromTable(store, question)).range,
  answer: async (store, question) => (await fromTable(store, question)).answer,
};

/** Where answers come from. */
export const api = { ...server, ...(isPublished ? folder : {}), phrases };
