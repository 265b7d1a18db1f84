/** Finding a place by its name, and going there. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { see } from "../map/panes";
import { findPlaces, type Match } from "../places/gazetteer";
import { gazetteer, loadGazetteer } from "../places/known";
import { announced, change, edited, view } from "../state";
import { Icon } from "./icons";

function go({ name, at, bounds }: Match): void {
  if (at) change({ place: { ...at, side: view.peek().b ? edited.peek() : "a" } });
  see(bounds);
  announced.value = `The map shows ${name}.`;
}

export function GoTo() {
  const isOpen = useSignal(false);
  const typed = useSignal("");
  const chosen = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen.value) return;
    void loadGazetteer();
    box.current?.querySelector("input")?.focus();
    const onDown = (event: Event) => {
      if (!box.current?.parentElement?.contains(event.target as Node)) isOpen.value = false;
    };
    addEventListener("pointerdown", onDown);
    return () => removeEventListener("pointerdown", onDown);
  }, [isOpen.value]);
  const toggle = () => {
    typed.value = ""; // not in the effect, which on a busy machine comes after the first letters
    isOpen.value = !isOpen.value;
  };
  const known = gazetteer.value;
  const found = known && isOpen.value ? findPlaces(known, typed.value) : [];
  const take = (match: Match | undefined) => {
    if (!match) return;
    isOpen.value = false;
    opener.current?.focus();
    go(match);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      isOpen.value = false;
      opener.current?.focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(found[chosen.value]);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
      event.preventDefault();
      chosen.value = (chosen.value + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
    }
  };
  const isNothing = known !== null && typed.value.trim() !== "" && !found.length;
  return (
    <div class="menu">
      <button
        ref={opener}
        type="button"
        class="tool"
        aria-label="Find a place"
        title="Find a place by its name"
        aria-expanded={isOpen.value}
        aria-controls="goto"
        onClick={toggle}
      >
        <Icon name="pin" />
      </button>
      {isOpen.value && (
        <div class="menu-box card" id="goto" ref={box} onKeyDown={onKeyDown}>
          <input
            type="text"
            class="small-input wide"
            role="combobox"
            aria-label="Town or country"
            placeholder="Vienna, Peru …"
            aria-autocomplete="list"
            aria-expanded={found.length > 0}
            aria-controls="goto-list"
            aria-activedescendant={found.length ? `goto-${chosen.value}` : undefined}
            autocomplete="off"
            spellcheck={false}
            maxLength={100}
            value={typed.value}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
              chosen.value = 0;
            }}
          />
          <ul id="goto-list" role="listbox" aria-label="Places" hidden={!found.length}>
            {found.map((match, i) => (
              <li
                key={`${match.name} ${match.within} ${i}`}
                id={`goto-${i}`}
                role="option"
                aria-selected={i === chosen.value}
                onPointerDown={(event) => (event.preventDefault(), take(match))}
              >
                {match.name} <small>{match.within}</small>
              </li>
            ))}
          </ul>
          {isNothing && <p class="dim" role="status">No larger town or country has this name.</p>}
        </div>
      )}
    </div>
  );
}
