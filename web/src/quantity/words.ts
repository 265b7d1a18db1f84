/** Numbers with their units, with as many digits as tell the ends of a range apart. */

import { percent, percentIn, type Range } from "../colour";
import type { Side } from "../question";
import { quantityOf } from "./quantities";

const minus = (text: string) => text.replace("-", "−");

/** `41.3 dB`: a fiftieth of the range, or finer, is seen. */
export function numberIn(value: number, [low, high]: Range, unit = "1"): string {
  const span = Math.abs(high - low) || Math.abs(value) || 1;
  const digits = Math.max(0, Math.min(8, Math.ceil(-Math.log10(span / 50))));
  return withUnit(value.toFixed(digits), unit);
}

/** A round number as it is: the end of a legend. */
export function roundIn(value: number, unit = "1"): string {
  return withUnit(String(Number(value.toPrecision(4))), unit);
}

function withUnit(text: string, unit: string): string {
  return minus(Number(text) === 0 ? text.replace("-", "") : text) + (unit === "1" ? "" : ` ${unit}`);
}

/** What a side says somewhere: a chance in percent, or a number in its unit. */
export function said(side: Side, value: number, range: Range | null): string {
  if (side.quantity === null) return percent(value);
  return numberIn(value, range ?? [0, 1], quantityOf(side)?.unit);
}

/** The same within a range: on a legend, whose ends are round numbers of quantities. */
export function saidIn(side: Side, value: number, range: Range): string {
  if (side.quantity === null) return percentIn(value, range);
  return roundIn(value, quantityOf(side)?.unit);
}
