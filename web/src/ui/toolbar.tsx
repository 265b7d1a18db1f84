/** Comparing, sharing, downloading, and how the page looks. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address, ApiError, isPublished, request, storePath } from "../api";
import { panes } from "../map/panes";
import { mapTrouble } from "../map/picture";
import { togglePlan } from "../plan/panel";
import { isOpen as isPlanOpen } from "../plan/plan";
import { canDraw } from "../quantity/quantities";
import { isAsked, opposite, questionParams, questionPath } from "../question";
import { announced, change, edited, remember, store, switchTheme, theme, view } from "../state";
import { GoTo } from "./goto";
import { Icon } from "./icons";

function compare(): void {
  const { a, b, place } = view.peek();
  if (b) {
    edited.value = "a";
    change({ b: null, place: place?.side === "b" ? null : place });
    return;
  }
  change({ b: { ...a, moment: opposite(a.moment) }, differing: "time" });
  edited.value = "b";
}

function Share() {
  const said = useSignal<string | null>(null);
  const share = async () => {
    remember("replace");
    try {
      await navigator.clipboard.writeText(location.href);
      said.value = "Link copied";
    } catch {
      said.value = "Copy the address of the page";
    }
    announced.value = said.value;
    setTimeout(() => (said.value = null), 2500);
  };
  return (
    <button type="button" class="tool" aria-label="Share" title="Copy a link to what you see" onClick={() => void share()}>
      <Icon name="share" /> <span>{said.value ?? "Share"}</span>
    </button>
  );
}

async function save(path: string, extension: string): Promise<void> {
  const at = store.peek();
  if (!at) return;
  const response = await request(address(storePath(at.id, questionPath(view.peek().a, path)), questionParams(view.peek().a)));
  const given = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = given ?? `soundscape.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function Download() {
  const isOpen = useSignal(false);
  const busy = useSignal<string | null>(null);
  const trouble = useSignal<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen.value) return;
    box.current?.querySelector<HTMLElement>("button")?.focus();
    const onDown = (event: Event) => {
      if (!box.current?.parentElement?.contains(event.target as Node)) isOpen.value = false;
    };
    addEventListener("pointerdown", onDown);
    return () => removeEventListener("pointerdown", onDown);
  }, [isOpen.value]);
  const get = async (path: string, extension: string) => {
    trouble.value = null;
    busy.value = path;
    try {
      await save(path, extension);
      isOpen.value = false;
      announced.value = "Downloaded.";
    } catch (error) {
      trouble.value = error instanceof ApiError ? error.message : "The download failed.";
    }
    busy.value = null;
  };
  const isPossible = isAsked(view.value.a) && canDraw(view.value.a) && store.value !== null;
  return (
    <div
      class="menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen.value) return;
        event.stopPropagation();
        isOpen.value = false;
        opener.current?.focus();
      }}
    >
      <button
        ref={opener}
        type="button"
        class="tool"
        aria-label="Download"
        title="Download the map"
        disabled={!isPossible}
        aria-expanded={isOpen.value}
        aria-controls="downloads"
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <Icon name="download" /> <span>Download</span>
      </button>
      {isOpen.value && (
        <div class="menu-box card" id="downloads" ref={box}>
          <button type="button" disabled={busy.value !== null} onClick={() => void get("map.tif", "tif")}>
            GeoTIFF <small>{view.value.a.quantity === null ? "probability and uncertainty" : "value and both ends of its interval"} as bands</small>
          </button>
          <button type="button" disabled={busy.value !== null} onClick={() => void get("map.png", "png")}>
            Figure <small>a map with its legend, as PNG</small>
          </button>
          {busy.value && <p class="dim" role="status">Writing …</p>}
          {trouble.value && <p class="problem" role="alert">{trouble.value}</p>}
        </div>
      )}
    </div>
  );
}

/** What only a map that can be moved has. */
function Moving() {
  const { isGlobe } = view.value;
  return (
    <>
      <button type="button" class="tool tool-zoom" aria-label="Zoom in" title="Zoom in" onClick={() => panes.a?.map.zoomIn()}>
        <Icon name="plus" />
      </button>
      <button type="button" class="tool tool-zoom" aria-label="Zoom out" title="Zoom out" onClick={() => panes.a?.map.zoomOut()}>
        <Icon name="minus" />
      </button>
      <button type="button" class="tool" aria-pressed={isGlobe} aria-label="Globe" title={isGlobe ? "Show as a flat map" : "Show as a globe"} onClick={() => change({ isGlobe: !isGlobe })}>
        <Icon name={isGlobe ? "flat" : "globe"} />
      </button>
    </>
  );
}

export function Toolbar() {
  const { b } = view.value;
  const isDark = theme.value === "dark";
  return (
    <div class="tools card" role="toolbar" aria-label="Tools">
      <button type="button" class="tool" aria-label="Compare" aria-pressed={b !== null} title="Compare two questions or two times" onClick={compare}>
        <Icon name="compare" /> <span>Compare</span>
      </button>
      <Share />
      {!isPublished && <Download />}
      {!isPublished && !mapTrouble.value && (
        <button type="button" class="tool" aria-label="Where to listen next" aria-pressed={isPlanOpen.value} title="Where another recorder would teach most" onClick={togglePlan}>
          <Icon name="site" />
        </button>
      )}
      {!mapTrouble.value && <GoTo />}
      {!mapTrouble.value && <Moving />}
      <button type="button" class="tool" aria-label={isDark ? "Light colours" : "Dark colours"} title={isDark ? "Light colours" : "Dark colours"} onClick={switchTheme}>
        <Icon name={isDark ? "sun" : "moon"} />
      </button>
    </div>
  );
}
