/** What the cells of a store are called: `near Vienna, AT`. */

import type { components } from "../schema";
import { unzipped } from "./coefficients";

const NAMES_FILE = "coefficients.names.json";

/** The name of a cell, or null where it has none. */
export type Names = (cell: number) => string | null;

/** Fetches the names beside some coefficients. */
export async function fetchNames(get: (file: string) => Promise<Response>): Promise<Names> {
  const text = new TextDecoder().decode(await unzipped(await (await get(NAMES_FILE)).arrayBuffer()));
  const { names, of_cells } = JSON.parse(text) as components["schemas"]["NamesModel"];
  const bytes = Uint8Array.from(atob(of_cells), (char) => char.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  return (cell) => names[numbers.getUint16(2 * cell, true) - 1] ?? null;
}
