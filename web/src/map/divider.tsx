/** The divider of a comparison: dragged, or moved with the arrow keys. */

import { useRef } from "preact/hooks";
import { change, view } from "../state";

const STEP = 0.02;

export function Divider() {
  const isDragging = useRef(false);
  const { swipe } = view.value;
  const to = (share: number, history: "none" | "replace") =>
    change({ swipe: Math.max(0, Math.min(1, share)) }, history);
  const keys: Record<string, number> = {
    ArrowLeft: swipe - STEP, ArrowDown: swipe - STEP, ArrowRight: swipe + STEP, ArrowUp: swipe + STEP,
    PageDown: swipe - 0.1, PageUp: swipe + 0.1, Home: 0, End: 1,
  };
  return (
    <div class="divider">
      <div
        class="divider-grip"
        role="slider"
        tabIndex={0}
        aria-label="Divider between A and B"
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * swipe)}
        aria-valuetext={`A takes ${Math.round(100 * swipe)} % of the width`}
        onKeyDown={(event) => {
          const share = keys[event.key];
          if (share === undefined) return;
          event.preventDefault();
          to(share, "replace");
        }}
        onPointerDown={(event) => {
          isDragging.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (isDragging.current) to(event.clientX / window.innerWidth, "none");
        }}
        onPointerUp={(event) => {
          isDragging.current = false;
          to(event.clientX / window.innerWidth, "replace");
        }}
        onPointerCancel={() => (isDragging.current = false)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M9 7l-5 5 5 5M15 7l5 5-5 5" />
        </svg>
      </div>
    </div>
  );
}
