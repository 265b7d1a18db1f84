/** Playing: the next frames load unseen, and each is shown when its time has come. */

import { tileAddress } from "./answers";
import { pause } from "./api";
import { drawings } from "./drawings";
import { panes } from "./map/panes";
import { type Side, step } from "./question";
import { change, isCalm, isPlaying, remember, view } from "./state";
import { truthAhead } from "./truth";
import type { Which } from "./url";

const FRAME_MS = 550;
const CALM_FRAME_MS = 1200;
const AHEAD = 2;
const LONGEST_LOAD_MS = 20_000;

const sides: readonly Which[] = ["a", "b"];

function stepped(side: Side, by: number): Side {
  return { ...side, moment: step(side.moment, view.peek().over, by) };
}

async function prefetch(by: number): Promise<void> {
  await Promise.all(
    sides.map((which) => {
      const side = view.peek()[which];
      // Drawn in the frame that shows it, but for the truth.
      if (drawings[which].drawn.peek()) return side ? truthAhead(stepped(side, by)) : undefined;
      const address = side && tileAddress(which, stepped(side, by));
      return address ? panes[which]?.answer.prefetch(address) : undefined;
    }),
  );
}

let run = 0;

async function play(): Promise<void> {
  const mine = ++run;
  const isMine = () => isPlaying.peek() && run === mine;
  while (isMine()) {
    const frame = pause(isCalm.peek() ? CALM_FRAME_MS : FRAME_MS);
    await Promise.all([frame, Promise.race([prefetch(1), pause(LONGEST_LOAD_MS)])]);
    if (!isMine()) return;
    const { a, b } = view.peek();
    change({ a: stepped(a, 1), b: b && stepped(b, 1) }, "none");
    for (let by = 1; by <= AHEAD; by++) void prefetch(by);
  }
}

export function togglePlaying(): void {
  isPlaying.value = !isPlaying.value;
  if (isPlaying.value) void play();
  else remember("push");
}

export function stopPlaying(): void {
  if (isPlaying.peek()) togglePlaying();
}
