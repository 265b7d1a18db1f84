/** A place of a published page, through the year and the day and in all sounds of its table. */

import type { Profile, Sounds } from "../api";
import { cellAt, type Coefficients } from "../drawn/coefficients";
import { cellModes, int16 } from "../drawn/question";
import { curveOf } from "../drawn/probability";
import { names, whenDrawn } from "../drawings";
import type { View } from "../url";
import type { Table } from "./phrases";

const MOST_SOUNDS = 5;
const MONTHS = 12;

type Spot = NonNullable<View["place"]>;

function rows(values: Float32Array): number[][] {
  const hours = values.length / MONTHS;
  return Array.from({ length: MONTHS }, (_, month) => [...values.slice(month * hours, (month + 1) * hours)]);
}

async function about(store: string, of: Coefficients, { lat, lon }: Spot) {
  const cell = cellAt(of, lat, lon);
  const place = cell < 0 ? null : (await names(store, of))(cell);
  return { cell, said: { lat, lon, place, land: cell >= 0 } };
}

/** The question of a side at a place, at every month and hour. */
export async function profileAt(store: string, spot: Spot, signal: AbortSignal): Promise<Profile> {
  const drawn = await whenDrawn(spot.side, signal);
  const { question, answer } = drawn!; // or there was an error
  const { cell, said } = await about(store, question.coefficients, spot);
  const values = cell < 0 ? null : question.through(cell);
  return {
    ...said,
    label: answer.label,
    familiarity: answer.familiarity,
    top: [],
    probability: values && rows(values.probability),
    uncertainty: values?.uncertainty ? rows(values.uncertainty) : null,
  };
}

/** The sounds of the table that are likeliest at a place. */
export async function soundsAt(
  store: string, of: Coefficients, table: Table, spot: Spot, month: number | null, hour: number | null,
): Promise<Sounds> {
  const { cell, said } = await about(store, of, spot);
  if (cell < 0) return { ...said, top: [] };
  const asks = cellModes(of, cell, month, hour);
  const curve = curveOf(table.numbers.curve);
  const top = table.phrases.slice(0, table.sounds).map(({ text, terms: [term] }) => {
    const { values, step, offset } = term!.csd;
    const inner = int16(values).reduce((sum, value, mode) => sum + value * step * asks[mode]!, offset);
    return { text, probability: curve(Math.max(0, inner) + term!.offset) };
  });
  return { ...said, top: top.sort((a, b) => b.probability - a.probability).slice(0, MOST_SOUNDS) };
}
