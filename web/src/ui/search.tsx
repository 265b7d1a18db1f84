/** What is looked for: typed with suggestions, or chosen from examples. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, isPublished } from "../api";
import { replaced, table } from "../published/typed";
import { parseTerms, typedTerms } from "../question";
import { active, changeSide } from "../state";
import { Icon } from "./icons";

const REST_MS = 120;

/** The part of the text that is being typed, and what stands before it. */
function lastTerm(typed: string): { before: string; minus: string; term: string } {
  const match = /^(.*,)?\s*([-−–]?)\s*(.*)$/s.exec(typed);
  return { before: match?.[1] ?? "", minus: match?.[2] ?? "", term: match?.[3] ?? "" };
}

function useSuggestions(typed: string, isOpen: boolean) {
  const found = useSignal<readonly string[]>([]);
  const { term } = lastTerm(typed);
  useEffect(() => {
    if (!isOpen || !term.trim()) {
      found.value = [];
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const all = await api.suggestions(term.trim(), stop.signal);
        found.value = all.filter((text) => text !== term.trim());
      } catch {
        found.value = []; // suggestions are a help; the question itself says what is wrong
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [term, isOpen]);
  return found;
}

export function Search() {
  const side = active.value;
  const asked = typedTerms(side.texts, side.without);
  const typed = useSignal(asked);
  const isOpen = useSignal(false);
  const at = useSignal(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    typed.value = asked;
  }, [asked]);
  const suggestions = useSuggestions(typed.value, isOpen.value).value;

  const ask = (text: string) => {
    typed.value = text;
    isOpen.value = false;
    at.value = -1;
    changeSide(parseTerms(text));
  };
  const take = (suggestion: string) => {
    const { before, minus } = lastTerm(typed.value);
    ask(`${before ? `${before} ` : ""}${minus}${suggestion}`);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { length } = suggestions;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      isOpen.value = true;
      if (!length) return;
      const by = event.key === "ArrowDown" ? 1 : -1;
      at.value = ((at.value + 1 + by + length + 1) % (length + 1)) - 1;
    } else if (event.key === "Escape" && isOpen.value && length) {
      event.stopPropagation();
      isOpen.value = false;
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = suggestions[at.value];
      if (isOpen.value && chosen) take(chosen);
      else ask(typed.value);
    }
  };
  const isShown = isOpen.value && suggestions.length > 0;
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="text"
        role="combobox"
        placeholder={isPublished ? "church bells, -traffic …" : "frogs, church bells, -traffic …"}
        aria-label="What to listen for"
        aria-describedby="search-help"
        aria-autocomplete="list"
        aria-expanded={isShown}
        aria-controls="suggestions"
        aria-activedescendant={isShown && at.value >= 0 ? `suggestion-${at.value}` : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        enterkeyhint="search"
        maxLength={400}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          isOpen.value = true;
          at.value = -1;
        }}
        onKeyDown={onKeyDown}
        onBlur={() => (isOpen.value = false)}
      />
      {typed.value && (
        <button type="button" class="quiet" aria-label="Clear" onClick={() => (ask(""), input.current?.focus())}>
          <Icon name="close" />
        </button>
      )}
      <p id="search-help" class="hidden">
        {isPublished
          ? "The nearest phrase that this page knows is shown. After a comma, a minus before a sound excludes it."
          : "Several sounds are separated by commas. A minus before a sound excludes it."}
      </p>
      <ul id="suggestions" role="listbox" aria-label="Suggestions" hidden={!isShown}>
        {suggestions.map((text, i) => (
          <li
            key={text}
            id={`suggestion-${i}`}
            role="option"
            aria-selected={i === at.value}
            onPointerDown={(event) => {
              event.preventDefault(); // the input keeps the focus
              take(text);
            }}
          >
            {text}
          </li>
        ))}
      </ul>
    </form>
  );
}

const EXAMPLES = ["frogs croaking", "ocean waves", "church bells ringing", "crickets chirping", "thunder", "seagulls calling"];

/** Which phrases of a published page took the place of what was typed. */
export function Nearest() {
  const { texts, without } = active.value;
  const shown = [...texts, ...without.map((term) => term.replace(/\*[\d.]+$/, ""))];
  const notes = [...replaced.value].filter(([phrase]) => shown.includes(phrase));
  if (!notes.length) return null;
  return (
    <p class="dim nearest" role="status">
      {notes.map(([phrase, typed]) => (
        <span key={phrase}>
          Showing <b>“{phrase}”</b> for “{typed}”, the nearest of {table.value.data?.phrases.length} phrases.{" "}
        </span>
      ))}
    </p>
  );
}

export function Examples() {
  const known = table.value.data?.phrases.map(({ text }) => text);
  const examples = known && !EXAMPLES.every((text) => known.includes(text)) ? known.slice(0, EXAMPLES.length) : EXAMPLES;
  return (
    <div class="chips" role="group" aria-label="Examples">
      {examples.map((text) => (
        <button type="button" class="chip" key={text} onClick={() => changeSide(parseTerms(text))}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** Terms that are excluded, each to be taken back. */
export function Unwanted() {
  const { without, texts } = active.value;
  const adding = useSignal(false);
  const text = useSignal("");
  if (!texts.length && !active.value.audio.length) return null;
  const add = () => {
    const terms = parseTerms(text.value).texts;
    if (terms.length) changeSide({ without: [...new Set([...without, ...terms])] });
    text.value = "";
    adding.value = false;
  };
  return (
    <div class="unwanted">
      {without.map((term) => (
        <button
          type="button"
          class="chip chip-without"
          key={term}
          aria-label={`Allow ${term} again`}
          onClick={() => changeSide({ without: without.filter((other) => other !== term) })}
        >
          without {term} <Icon name="close" />
        </button>
      ))}
      {adding.value ? (
        <input
          type="text"
          class="small-input"
          aria-label="Sound to exclude"
          placeholder="road traffic"
          value={text.value}
          ref={(element) => element?.focus()}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") add();
            if (event.key === "Escape") adding.value = false;
          }}
          onBlur={add}
        />
      ) : (
        <button type="button" class="link" onClick={() => (adding.value = true)}>
          + without …
        </button>
      )}
    </div>
  );
}
