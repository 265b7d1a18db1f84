/** What is mapped: a sound, an indicator of all sounds, or a measure; and what the last two are. */

import { percent } from "../colour";
import { active, changeSide } from "../state";
import { quantities, quantityOf, refusalOf } from "./quantities";

const KINDS = [["measure", "Measured"], ["indicator", "Indicators of all sounds"]] as const;
const SOUND = "";

export const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

export function Chooser() {
  const known = quantities.value;
  const { quantity } = active.value;
  if (!known.length) return null;
  return (
    <select
      id="subject"
      class="subject"
      aria-label="What is mapped"
      value={quantity ?? SOUND}
      onChange={({ currentTarget: { value } }) => changeSide({ quantity: value === SOUND ? null : value })}
    >
      <option value={SOUND}>A sound</option>
      {KINDS.map(([kind, words]) => {
        const own = known.filter((each) => each.kind === kind);
        return own.length > 0 && (
          <optgroup key={kind} label={words}>
            {own.map(({ id, name, unit }) => <option key={id} value={id}>{capital(name)}{unit !== "1" && ` (${unit})`}</option>)}
          </optgroup>
        );
      })}
    </select>
  );
}

/** What the number is, where it comes from and how good it is; or why it is not drawn. */
export function About() {
  const side = active.value;
  const refusal = refusalOf(side);
  const found = quantityOf(side);
  return (
    <div class="quantity" data-testid="quantity">
      {refusal && <p class="problem" role="status">{capital(refusal)}.</p>}
      {found && (
        <>
          <p>{found.description}</p>
          {found.kind === "measure" && (
            <p class="dim">
              Fitted to {found.n} measurements of {found.fitted_on}, at {found.places} places.
              {found.r2 !== null && <> At places left out it explains {percent(Math.max(0, found.r2))} of what differs</>}
              {found.coverage !== null && <>, and intervals of 90 % held {percent(found.coverage)}</>}
              {(found.r2 !== null || found.coverage !== null) && "."}
            </p>
          )}
        </>
      )}
    </div>
  );
}
