/** The panel of a plan: how many recorders, where, for what, and what each site adds. */

import { useSignal } from "@preact/signals";
import { ApiError } from "../api";
import { percent } from "../colour";
import { goTo } from "../map/panes";
import { capital } from "../quantity/chooser";
import { placeWords } from "../places/known";
import { isAsked, sideWords } from "../question";
import { active, change, store, view } from "../state";
import { Icon } from "../ui/icons";
import { degrees } from "../ui/place";
import { Choice } from "../ui/time";
import { begin, forget, isOld, isOpen, isWorking, leftWords, plan, save, type Target, trouble, type Wishes, wishes } from "./plan";

function wish(patch: Partial<Wishes>): void {
  wishes.value = { ...wishes.peek(), ...patch };
}

export function togglePlan(): void {
  isOpen.value = !isOpen.value;
  if (isOpen.value) change({ place: null }, "replace");
  else forget();
}

function Field(props: { label: string; value: number; least: number; most: number; step: number | "any"; unit: string; onChange: (value: number) => void }) {
  return (
    <label class="plan-field">
      <span>{props.label}</span>
      <input
        type="number"
        min={props.least}
        max={props.most}
        step={props.step}
        value={props.value}
        onChange={({ currentTarget }) => {
          const value = Number(currentTarget.value);
          if (Number.isFinite(value) && value >= props.least && value <= props.most) props.onChange(value);
          else currentTarget.value = String(props.value);
        }}
      />
      <span class="dim">{props.unit}</span>
    </label>
  );
}

function Wished() {
  const { recorders, apartKm, target, isExtent } = wishes.value;
  const side = active.value;
  const targets: readonly (readonly [Target, string])[] = [["shown", isAsked(side) ? "What is shown" : "Any sound"], ["any", "Any sound"]];
  return (
    <form
      class="plan-form"
      onSubmit={(event) => {
        event.preventDefault();
        void begin();
      }}
    >
      <Field label="Recorders" value={recorders} least={1} most={60} step={1} unit="" onChange={(value) => wish({ recorders: value })} />
      <Field label="At least" value={apartKm} least={0} most={20_000} step="any" unit="km apart" onChange={(value) => wish({ apartKm: value })} />
      {isAsked(side) && <Choice label="To improve" name="plan-target" value={target} options={targets} onChange={(value) => wish({ target: value })} />}
      <Choice
        label="Where"
        name="plan-where"
        value={isExtent ? "extent" : "all"}
        options={[["extent", "Part in view"], ["all", "Whole map"]]}
        onChange={(value) => wish({ isExtent: value === "extent" })}
      />
      <p class="dim plan-words">
        {isAsked(side) && target === "shown"
          ? `Sites that teach the map of ${sideWords(side)} most.`
          : "Sites that teach maps of any sound most."}{" "}
        {store.value && !store.value.is_interactive && "This map is not prepared: a plan takes minutes."}
      </p>
      <button type="submit" class="soft wide" disabled={isWorking.value}>{isWorking.value ? "Planning …" : plan.value ? "Plan again" : "Plan"}</button>
    </form>
  );
}

function Working() {
  const now = plan.value;
  if (!isWorking.value) return null;
  return (
    <div class="plan-working" role="status">
      <progress value={now?.progress ?? 0} max={1} aria-label="Progress of the plan" />
      <span class="dim">{now ? leftWords(now) : "asking"}</span>
    </div>
  );
}

function Sites() {
  const now = plan.value;
  const busy = useSignal<string | null>(null);
  const failed = useSignal<string | null>(null);
  if (!now?.is_done) return null;
  const get = async (form: "csv" | "gpx") => {
    busy.value = form;
    failed.value = null;
    try {
      await save(form);
    } catch (error) {
      failed.value = error instanceof ApiError ? error.message : "The download failed.";
    }
    busy.value = null;
  };
  return (
    <div class={isOld.value ? "plan-sites is-old" : "plan-sites"}>
      <p class="dim plan-words">
        For {now.target}, among {now.cells.toLocaleString("en")} cells: with all of them {percent(now.left ?? 1)} of today's expected
        squared error is left.
      </p>
      <ol class="plan-list">
        {now.sites.map(({ site, lat, lon, adds, place, months }) => (
          <li key={site}>
            <button type="button" onClick={() => goTo(lat, lon)} title={`Months ${months}`}>
              <span class="rank">{site}</span>
              <span class="ellipsis">{placeWords(place || null)?.replace(/^near /, "") ?? degrees(lat, lon)}</span>
              <span class="number">adds {percent(adds)}</span>
            </button>
          </li>
        ))}
      </ol>
      <div class="row">
        <button type="button" class="soft" disabled={busy.value !== null} onClick={() => void get("csv")}><Icon name="download" /> CSV</button>
        <button type="button" class="soft" disabled={busy.value !== null} onClick={() => void get("gpx")}><Icon name="download" /> GPX</button>
      </div>
      {failed.value && <p class="problem" role="alert">{failed.value}</p>}
    </div>
  );
}

export function PlanPanel() {
  if (!isOpen.value || view.value.place) return null;
  return (
    <section class="place plan card" aria-label="Where to listen next" aria-busy={isWorking.value}>
      <header>
        <div>
          <h2>Where to listen next</h2>
          <p class="dim">Numbered places: the first adds most</p>
        </div>
        <button type="button" class="quiet" aria-label="Close the plan" onClick={togglePlan}>
          <Icon name="close" />
        </button>
      </header>
      <Wished />
      <Working />
      {trouble.value && <p class="problem" role="alert">{capital(trouble.value)}</p>}
      <Sites />
    </section>
  );
}
