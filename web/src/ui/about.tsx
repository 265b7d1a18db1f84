/** What the map stands on: a badge that is always there, and what lies behind it. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address, api, isPublished, type Model, root } from "../api";
import { mapCredits } from "../places/known";
import { store } from "../state";
import { Icon } from "./icons";

const MOST = 6;

const counted = (counts: Readonly<Record<string, number>>) => {
  const all = Object.entries(counts);
  const named = all.slice(0, MOST).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  return named.join(", ") + (all.length > MOST ? ", others" : "");
};

function Panel({ model }: { model: Model }) {
  const { statement, trained_on, calibrated_on } = model.provenance;
  return (
    <>
      <h2>What this map stands on</h2>
      <p><b>{statement}.</b></p>
      <p>{model.limits}</p>
      <dl>
        <dt>Model</dt>
        <dd>{model.name}, {(model.parameters / 1e6).toFixed(1)} million weights</dd>
        {trained_on.length > 0 && <><dt>Learnt from</dt><dd>{trained_on.join("; ")}</dd></>}
        {calibrated_on && <><dt>Calibrated on</dt><dd>{calibrated_on}</dd></>}
        <dt>A probability</dt>
        <dd>{model.calibration === "none" ? "is not calibrated: it ranks places, and says no more" : model.calibration}</dd>
        {model.data.map(({ name, countries, licences }) => (
          <>
            {Object.keys(countries ?? {}).length > 0 && <><dt>Countries, by the nearest town</dt><dd>{counted(countries ?? {})}</dd></>}
            {Object.keys(licences ?? {}).length > 0 && <><dt>Licences of {name}</dt><dd>{counted(licences ?? {})}</dd></>}
          </>
        ))}
        <dt>Imagery</dt>
        <dd>{[mapCredits.value, store.value?.attribution].filter(Boolean).join(" · ")}; {store.value?.licence}</dd>
      </dl>
      {model.known_faults.length > 0 && (
        <>
          <h3>Known to be wrong</h3>
          <ul>{model.known_faults.map((fault) => <li key={fault}>{fault}</li>)}</ul>
        </>
      )}
      {isPublished ? (
        <p>This page is a folder of files with no server behind it: <a href={new URL("README.txt", root).href}>what is in it</a></p>
      ) : (
        <p><a href={address("openapi.json")}>The API behind this page</a></p>
      )}
      <p><a href={new URL("assets/licences.txt", root).href}>Licences of what the page is made of</a></p>
    </>
  );
}

export function About() {
  const model = useSignal<Model | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!store.value || model.value) return;
    api.models().then(([first]) => (model.value = first ?? null), () => undefined); // the badge is there all the same
  }, [store.value]);
  if (!store.value) return null;
  const isSimulated = store.value.is_simulated;
  return (
    <>
      <button
        type="button"
        class="badge card"
        data-simulated={isSimulated ? "yes" : "no"}
        aria-haspopup="dialog"
        title="What this map stands on"
        onClick={() => dialog.current?.showModal()}
      >
        {isSimulated ? "Simulated Earth" : "About"}
      </button>
      <dialog
        ref={dialog}
        class="about card"
        aria-label="What this map stands on"
        onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
      >
        <div class="about-text">
          <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
          {model.value ? <Panel model={model.value} /> : <p>The server did not say what its model learnt from.</p>}
        </div>
      </dialog>
    </>
  );
}
