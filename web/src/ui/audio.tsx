/** Asking with a recording: a file, a file dropped anywhere on the page, or the microphone. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, ApiError, type Upload } from "../api";
import { percent } from "../colour";
import type { Recording } from "../question";
import { active, announced, changeSide } from "../state";
import { prepare, type Prepared, record, type Recorder } from "../sound";
import { Icon } from "./icons";

const LONGEST_S = 10;

const uploads = signal<Readonly<Record<string, Upload>>>({});
const busy = signal<string | null>(null);
const trouble = signal<string | null>(null);
const recorder = signal<Recorder | null>(null);

async function send({ blob, name }: Prepared): Promise<void> {
  trouble.value = null;
  busy.value = name;
  try {
    const upload = await api.upload(blob, name);
    uploads.value = { ...uploads.value, [upload.id]: upload };
    changeSide({ texts: [], audio: [{ id: upload.id, name: upload.name || name }] });
    const first = upload.heard[0];
    announced.value = `${name} uploaded.${first ? ` Most like ${first.text}.` : ""}`;
  } catch (error) {
    trouble.value = error instanceof ApiError ? error.message : `${name} cannot be read.`;
  } finally {
    busy.value = null;
  }
}

export async function sendFile(file: File): Promise<void> {
  busy.value = file.name;
  await send(await prepare(file));
}

async function toggleMicrophone(): Promise<void> {
  trouble.value = null;
  const running = recorder.value;
  if (running) {
    recorder.value = null;
    busy.value = "microphone.wav";
    try {
      await send(await running.stop());
    } catch {
      trouble.value = "Nothing was recorded; try again and wait a second or two.";
      busy.value = null;
    }
    return;
  }
  try {
    recorder.value = await record();
  } catch (error) {
    trouble.value = (error as Error).message;
  }
}

function Meter({ running }: { running: Recorder }) {
  const bar = useRef<HTMLSpanElement>(null);
  const clock = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const start = performance.now();
    const timer = setInterval(() => {
      const seconds = (performance.now() - start) / 1000;
      if (bar.current) bar.current.style.transform = `scaleX(${running.level()})`;
      if (clock.current) clock.current.textContent = `${seconds.toFixed(0)} s of ${LONGEST_S} s`;
      if (seconds >= LONGEST_S) void toggleMicrophone();
    }, 80);
    return () => clearInterval(timer);
  }, [running]);
  return (
    <div class="meter">
      <span class="meter-bar"><span ref={bar} /></span>
      <span ref={clock} />
    </div>
  );
}

function Waveform({ peaks }: { peaks: readonly number[] }) {
  const bars = peaks.map((peak, i) => `M${i + 0.5} ${20 - 18 * peak - 0.6}V${20 + 18 * peak + 0.6}`).join("");
  return (
    <svg class="waveform" viewBox={`0 0 ${peaks.length} 40`} preserveAspectRatio="none" role="img" aria-label="Waveform">
      <path d={bars} />
    </svg>
  );
}

function Card({ recording }: { recording: Recording }) {
  const upload = uploads.value[recording.id];
  const remove = () => changeSide({ audio: active.value.audio.filter(({ id }) => id !== recording.id) });
  return (
    <div class="recording" data-testid="recording">
      <div class="row">
        <b class="ellipsis" title={recording.name}>{recording.name}</b>
        {upload && <span class="dim">{upload.duration_s.toFixed(1)} s</span>}
        <button type="button" class="quiet" aria-label={`Remove ${recording.name}`} onClick={remove}>
          <Icon name="close" />
        </button>
      </div>
      {upload?.warning && <p class="dim" role="note">{upload.warning}</p>}
      {upload && <Waveform peaks={upload.waveform} />}
      {upload && upload.heard.length > 0 && (
        <>
          <h3>Heard in it</h3>
          <ul class="bars">
            {upload.heard.map(({ text, probability }) => (
              <li key={text}>
                <button
                  type="button"
                  class="link"
                  title={`Look for ${text} instead`}
                  onClick={() => changeSide({ texts: [text], audio: [] })}
                >
                  {text}
                </button>
                <span class="bar" aria-hidden="true"><span style={{ width: `${100 * probability}%` }} /></span>
                <span class="number">{percent(probability)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

export function Audio() {
  const file = useRef<HTMLInputElement>(null);
  const running = recorder.value;
  return (
    <div class="audio">
      <div class="row">
        <button type="button" class="soft" aria-label="Ask with a recording" onClick={() => file.current?.click()} disabled={busy.value !== null}>
          <Icon name="file" /> <span>Recording</span>
        </button>
        <button
          type="button"
          class={running ? "soft is-on" : "soft"}
          aria-label={running ? "Stop recording" : "Record with the microphone"}
          onClick={() => void toggleMicrophone()}
          disabled={busy.value !== null}
        >
          <Icon name={running ? "stop" : "mic"} /> <span>{running ? "Stop" : "Microphone"}</span>
        </button>
        <input
          ref={file}
          type="file"
          accept="audio/*,.wav,.flac,.ogg,.mp3"
          class="hidden"
          tabIndex={-1}
          aria-label="File with a recording"
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            event.currentTarget.value = "";
            if (chosen) void sendFile(chosen);
          }}
        />
      </div>
      {running && <Meter running={running} />}
      {busy.value && <p class="dim" role="status">Listening to {busy.value} …</p>}
      {trouble.value && (
        <p class="problem" role="alert">
          {trouble.value}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => (trouble.value = null)}>
            <Icon name="close" />
          </button>
        </p>
      )}
      {active.value.audio.map((recording) => <Card key={recording.id} recording={recording} />)}
    </div>
  );
}

/** Shows where a file may be let go. */
export function DropTarget() {
  const isOver = useDrop();
  return isOver ? <div class="drop" aria-hidden="true"><span>Let go to ask with this recording</span></div> : null;
}

const over = signal(false);

function useDrop(): boolean {
  useEffect(() => {
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const onOver = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      over.value = true;
    };
    const onLeave = (event: DragEvent) => {
      if (!event.relatedTarget) over.value = false;
    };
    const onDrop = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      over.value = false;
      const dropped = event.dataTransfer?.files[0];
      if (dropped) void sendFile(dropped);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, []);
  return over.value;
}
