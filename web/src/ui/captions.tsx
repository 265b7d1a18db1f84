/** The best captions of the chosen place. */

import { captions } from "../captions";
import { percent } from "../colour";

/** Nothing where the server has no captions: there is none to be missed. */
export function Captions() {
  const { data, isLoading } = captions.value;
  if (!data) return isLoading ? <div class="skeleton" aria-hidden="true" /> : null;
  if (!data.captions.length) return null;
  return (
    <>
      <h3>Best captions then</h3>
      <ol class="captions" data-testid="captions">
        {data.captions.map(({ text, probability, is_familiar }) => (
          <li key={text}>
            “{text}” <span class="dim">{percent(probability)}{!is_familiar && " · unlike what the model learnt"}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
