/** Measures and indicators: the numbers that a server maps beside sounds. */

import { computed } from "@preact/signals";
import { api, type Quantity } from "../api";
import { nameQuantities, type Side } from "../question";
import { resource } from "../resource";
import { store } from "../state";

/** What the second layer of a quantity shows. */
export const WIDTH_WORDS = "width of the 90 % interval";

const listed = resource(
  () => (store.value ? { id: store.value.id } : null),
  ({ id }, signal) => api.quantities(id, signal),
);

/** What the store that is shown can be asked for, or says why not; empty before that is known. */
export const quantities = computed<readonly Quantity[]>(() => listed.value.data ?? []);

export const isListed = computed(() => listed.value.data !== null && !listed.value.isLoading);

nameQuantities((id) => quantities.value.find((each) => each.id === id)?.name ?? id.replace(/[_-]+/g, " "));

/** The quantity that a side asks for; null where it asks for a sound, or for one that is not there. */
export function quantityOf(side: Side | null): Quantity | null {
  return quantities.value.find(({ id }) => id === side?.quantity) ?? null;
}

/** Whether a side asks for nothing that is not known, or not possible on this store. */
export function canDraw(side: Side): boolean {
  return side.quantity === null || (isListed.value && quantityOf(side)?.refusal === null);
}

/** Why the quantity of a side is not drawn, in one line; empty where it is. */
export function refusalOf(side: Side): string {
  if (side.quantity === null || !isListed.value) return "";
  const found = quantityOf(side);
  return found ? (found.refusal ?? "") : `this server has no “${side.quantity}”`;
}
