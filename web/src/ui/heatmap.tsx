/** The year and the day of a place: 12 rows of 24 hours, the time of the map marked. */

import { useEffect, useRef } from "preact/hooks";
import { certaintyAlpha, colourAt, type Range, share } from "../colour";
import { clockWords, MONTHS } from "../question";
import { theme } from "../state";

interface Props {
  readonly values: readonly (readonly number[])[];
  /** Fades what is unsure. */
  readonly uncertainty: readonly (readonly number[])[] | null;
  readonly css: readonly string[];
  readonly month: number | null;
  readonly hour: number | null;
  readonly label: string;
  /** A value in words, within a range. */
  readonly say: (value: number, range: Range) => string;
  readonly onChoose: (month: number, hour: number) => void;
}

const HEIGHT = 208;
const LEFT = 30;
const BOTTOM = 20;
const ROW = (HEIGHT - BOTTOM) / 12;

export function extent(values: readonly (readonly number[])[]): Range {
  const all = values.flat().filter(Number.isFinite);
  return all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
}

function draw(canvas: HTMLCanvasElement, props: Props): void {
  const { values, uncertainty, css, month, hour } = props;
  const width = canvas.clientWidth;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  const column = (width - LEFT) / 24;
  const snap = (at: number) => Math.round(at * scale) / scale;
  const range = extent(values);
  const ink = getComputedStyle(canvas).color;
  values.forEach((row, m) =>
    row.forEach((value, h) => {
      const [red, green, blue] = colourAt(css, share(value, range));
      const alpha = uncertainty ? certaintyAlpha(uncertainty[m]?.[h] ?? 0, value) : 1;
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha})`;
      // Whole pixels: cells that overlap or gape would draw a grid over the rhythm.
      const [x, y] = [snap(LEFT + h * column), snap(m * ROW)];
      context.fillRect(x, y, snap(LEFT + (h + 1) * column) - x, snap((m + 1) * ROW) - y);
    }),
  );
  context.fillStyle = ink;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "right";
  MONTHS.forEach((name, m) => {
    if (m % 2 === 0) context.fillText(name.slice(0, 3), LEFT - 6, (m + 0.5) * ROW);
  });
  context.textAlign = "center";
  for (const h of [0, 6, 12, 18]) context.fillText(String(h).padStart(2, "0"), LEFT + (h + 0.5) * column, HEIGHT - 8);
  context.textAlign = "right";
  context.fillText("hour", width, HEIGHT - 8);
  mark(context, month, hour, column);
}

function mark(context: CanvasRenderingContext2D, month: number | null, hour: number | null, column: number): void {
  if (month === null && hour === null) return;
  const h = hour === null ? 0 : Math.round(hour) % 24;
  const x = LEFT + h * column;
  const y = month === null ? 0 : (month - 1) * ROW;
  const across = hour === null ? 24 * column : column;
  const down = month === null ? 12 * ROW : ROW;
  for (const [style, line] of [["#000", 4], ["#fff", 2]] as const) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.strokeRect(x + 1, y + 1, across - 2, down - 2);
  }
}

export function Heatmap(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { values, month, hour } = props;
  useEffect(() => {
    const element = canvas.current!;
    const redraw = () => draw(element, props);
    redraw();
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [values, props.uncertainty, props.css, month, hour, theme.value]);

  const [low, high] = extent(values);
  const flat = values.flat();
  const most = flat.indexOf(high);
  const peak = `${MONTHS[Math.floor(most / 24)] ?? ""}, ${clockWords(most % 24)}`;
  const m = month ?? 7;
  const h = hour === null ? 12 : Math.round(hour) % 24;
  const steps: Record<string, readonly [number, number]> = {
    ArrowLeft: [m, h - 1], ArrowRight: [m, h + 1], ArrowUp: [m - 1, h], ArrowDown: [m + 1, h],
  };
  return (
    <div class="heatmap">
      <div
        class="heatmap-field"
        role="application"
        aria-roledescription="chart of months and hours"
        tabIndex={0}
        aria-label={`${props.label} through the year and the day, most in ${peak}. Arrow keys move the time.`}
        onKeyDown={(event) => {
          const step = steps[event.key];
          if (!step) return;
          event.preventDefault();
          props.onChoose(((step[0] + 11) % 12) + 1, (step[1] + 24) % 24);
        }}
      >
        <canvas
          ref={canvas}
          height={HEIGHT}
          onClick={(event) => {
            const x = event.offsetX - LEFT;
            const column = (event.currentTarget.clientWidth - LEFT) / 24;
            const row = Math.floor(event.offsetY / ROW);
            if (x >= 0 && row < 12) props.onChoose(row + 1, Math.min(23, Math.floor(x / column)));
          }}
        />
      </div>
      <p class="dim heatmap-note">
        Most in {peak} · {props.say(low, [low, high])} to {props.say(high, [low, high])}
      </p>
    </div>
  );
}
