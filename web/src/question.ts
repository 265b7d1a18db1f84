/** What is asked for and when, and the words people type for it. */

export interface Recording {
  readonly id: string;
  readonly name: string;
}

export interface Moment {
  /** 1..12, or null for any month. */
  readonly month: number | null;
  /** [0, 24), or null for any hour. */
  readonly hour: number | null;
  /** Whether the hour is the local one everywhere, or one instant for the whole Earth. */
  readonly clock: "local" | "utc";
}

export interface Side {
  readonly texts: readonly string[];
  readonly without: readonly string[];
  readonly audio: readonly Recording[];
  /** Id of a measure or an indicator that is mapped instead of a sound, or null. */
  readonly quantity: string | null;
  readonly moment: Moment;
}

export const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
] as const;

/** Whether a side asks for a sound, in words or by a recording. */
export function hasSound(side: Side): boolean {
  return side.quantity === null && (side.texts.length > 0 || side.audio.length > 0);
}

export function isAsked(side: Side): boolean {
  return side.quantity !== null || hasSound(side);
}

/** `frogs, rain, -road traffic`: what is wanted, and after a minus what is not. */
export function parseTerms(typed: string): { texts: string[]; without: string[] } {
  const texts: string[] = [];
  const without: string[] = [];
  for (const part of typed.split(",")) {
    const term = part.trim().replace(/\s+/g, " ");
    const unwanted = /^[-−–]\s*(.+)$/.exec(term);
    if (unwanted?.[1]) without.push(unwanted[1]);
    else if (term && !/^[-−–]+$/.test(term)) texts.push(term);
  }
  return { texts: [...new Set(texts)], without: [...new Set(without)] };
}

export function typedTerms(texts: readonly string[], without: readonly string[] = []): string {
  return [...texts, ...without.map((term) => `-${term}`)].join(", ");
}

/** When, as parameters of the API. */
export function momentParams({ month, hour, clock }: Moment, params = new URLSearchParams()): URLSearchParams {
  if (month !== null) params.set("month", String(month));
  if (hour !== null) params.set(clock === "utc" ? "utc" : "hour", String(hour));
  return params;
}

/** A question as parameters of the API; of a quantity, which is asked for by its address, when alone. */
export function questionParams(side: Side, withTime = true): URLSearchParams {
  const params = new URLSearchParams();
  if (side.quantity !== null) return withTime ? momentParams(side.moment, params) : params;
  side.texts.forEach((text) => params.append("text", text));
  side.without.forEach((text) => params.append("without", text));
  side.audio.forEach((recording) => params.append("audio", recording.id));
  return withTime ? momentParams(side.moment, params) : params;
}

export function clockWords(hour: number): string {
  const minutes = Math.round(hour * 60) % 1440;
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

export function momentWords({ month, hour, clock }: Moment): string {
  const when = month === null ? "any month" : MONTHS[month - 1];
  if (hour === null) return `${when}, any hour`;
  return `${when}, ${clockWords(hour)} ${clock === "utc" ? "UTC" : "local time"}`;
}

/** The time of another side, by which it differs: half a day away; where the hour is open, half a year. */
export function opposite(moment: Moment): Moment {
  const { month, hour } = moment;
  if (hour === null && month !== null) return { ...moment, month: ((month + 5) % 12) + 1 };
  return { ...moment, hour: ((hour ?? 0) + 12) % 24 };
}

/** Where on the API the question of a side is answered. */
export function questionPath(side: Side, what: string): string {
  return side.quantity === null ? what : `quantities/${encodeURIComponent(side.quantity)}/${what}`;
}

let quantityName = (id: string): string => id.replace(/[_-]+/g, " ");

/** Says what quantities are called, once that is known. */
export function nameQuantities(name: (id: string) => string): void {
  quantityName = name;
}

/** What is asked for, in a few words. */
export function sideWords(side: Side): string {
  if (side.quantity !== null) return quantityName(side.quantity);
  const wanted = [
    ...side.texts.map((text) => text.split("|")[0] ?? text),
    ...side.audio.map((recording) => recording.name),
  ].join(" + ");
  return side.without.length ? `${wanted} without ${side.without.join(", ")}` : wanted;
}

/** Local solar hour of a place, where one is given. */
export function localHour(moment: Moment, lon: number): number | null {
  if (moment.hour === null) return null;
  if (moment.clock === "local") return moment.hour;
  return (((moment.hour + lon / 15) % 24) + 24) % 24;
}

/** The moment at which it is `hour` o'clock at a place, on the clock in use. */
export function momentAt(moment: Moment, month: number, hour: number, lon: number): Moment {
  const shown = moment.clock === "local" ? hour : (((hour - lon / 15) % 24) + 24) % 24;
  return { ...moment, month, hour: Math.round(shown) % 24 };
}

/** The next frame of an animation. */
export function step(moment: Moment, over: "hours" | "months", by = 1): Moment {
  return over === "hours"
    ? { ...moment, hour: ((moment.hour ?? 0) + by + 48) % 24 }
    : { ...moment, month: (((moment.month ?? 1) - 1 + by + 24) % 12) + 1 };
}
