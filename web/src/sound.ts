/** Recordings on their way to the server, and sound on its way to the ears. */

import { encodeWav, mixDown, peaks } from "./wav";

/** What the server decodes itself; anything else the browser tries to decode first. */
const KNOWN = /\.(wav|flac|ogg|oga|opus|mp3)$/i;

let shared: AudioContext | null = null;
const context = () => (shared ??= new AudioContext());

export interface Prepared {
  readonly blob: Blob;
  readonly name: string;
}

function asWav(buffer: AudioBuffer): Blob {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
  return new Blob([encodeWav(mixDown(channels), buffer.sampleRate)], { type: "audio/wav" });
}

/** The file as the server can read it. */
export async function prepare(file: File): Promise<Prepared> {
  if (KNOWN.test(file.name)) return { blob: file, name: file.name };
  try {
    const buffer = await context().decodeAudioData(await file.arrayBuffer());
    return { blob: asWav(buffer), name: file.name.replace(/\.[^.]*$/, "") + ".wav" };
  } catch {
    return { blob: file, name: file.name }; // the server says better what is wrong with it
  }
}

export interface Recorder {
  /** Loudness just now, 0..1. */
  level(): number;
  stop(): Promise<Prepared>;
  cancel(): void;
}

/** Starts the microphone. Throws a sentence for people when there is none. */
export async function record(): Promise<Recorder> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("The browser gives the microphone only to pages from this machine or over https.");
  }
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      // Made for speech, these remove the very sounds that are wanted here.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new Error(
      name === "NotAllowedError"
        ? "The browser did not allow the microphone; allow it for this page, or drop a file."
        : "No microphone was found; drop a file instead.",
    );
  }
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  const analyser = context().createAnalyser();
  analyser.fftSize = 1024;
  context().createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  recorder.start();
  const release = () => stream.getTracks().forEach((track) => track.stop());
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      return Math.min(1, 2.5 * (peaks(samples, 1)[0] ?? 0));
    },
    async stop() {
      const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
      recorder.stop();
      await ended;
      release();
      const encoded = await new Blob(parts).arrayBuffer();
      return { blob: asWav(await context().decodeAudioData(encoded)), name: "microphone.wav" };
    },
    cancel() {
      if (recorder.state !== "inactive") recorder.stop();
      release();
    },
  };
}

export interface Playback {
  readonly ended: Promise<void>;
  stop(): void;
}

export async function playSound(encoded: ArrayBuffer): Promise<Playback> {
  await context().resume();
  const source = context().createBufferSource();
  source.buffer = await context().decodeAudioData(encoded);
  source.connect(context().destination);
  source.start();
  return {
    ended: new Promise((resolve) => source.addEventListener("ended", () => resolve(), { once: true })),
    stop: () => source.stop(),
  };
}
