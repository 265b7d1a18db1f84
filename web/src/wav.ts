/** Sound as a 16 bit WAV file: what every decoder reads. */

/** Mean of the channels. */
export function mixDown(channels: readonly Float32Array[]): Float32Array {
  const first = channels[0];
  if (!first) return new Float32Array(0);
  if (channels.length === 1) return first;
  const mixed = new Float32Array(first.length);
  for (const channel of channels) {
    for (let i = 0; i < mixed.length; i++) mixed[i]! += (channel[i] ?? 0) / channels.length;
  }
  return mixed;
}

/** Samples in [-1, 1] of one channel; what is louder is clipped. */
export function encodeWav(samples: Float32Array, sampleRateHz: number): ArrayBuffer {
  const bytes = new ArrayBuffer(44 + 2 * samples.length);
  const view = new DataView(bytes);
  const ascii = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
  };
  ascii(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, 2 * sampleRateHz, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a frame
  view.setUint16(34, 16, true); // bits a sample
  ascii(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < samples.length; i++) {
    const sample = Math.max(-1, Math.min(1, samples[i]!));
    view.setInt16(44 + 2 * i, Math.round(sample * (sample < 0 ? 32768 : 32767)), true);
  }
  return bytes;
}

/** The loudest sample in each of `count` stretches, 0..1. */
export function peaks(samples: Float32Array, count: number): number[] {
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor((k * samples.length) / count);
    const to = Math.max(from + 1, Math.floor(((k + 1) * samples.length) / count));
    let loudest = 0;
    for (let i = from; i < to && i < samples.length; i++) {
      loudest = Math.max(loudest, Math.abs(samples[i]!));
    }
    return loudest;
  });
}
