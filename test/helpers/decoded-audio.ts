import { spawn } from 'node:child_process'
import { buffer, text } from 'node:stream/consumers'

const RATE = 48_000

/** Result of decoding a recording. */
export interface DecodedAudio {
  /** Error lines of FFmpeg: at least one per frame that cannot be decoded. */
  readonly complaints: readonly string[]
  readonly seconds: number
  /** Intervals below -50 dB, with their start. */
  readonly silences: readonly { readonly at: number; readonly seconds: number }[]
  readonly samples: Int16Array
}

/** Decodes a recording of MP3, ADTS or Ogg to mono at 48 kHz. `minSilence` in seconds. */
export const decodeAudio = async (
  recording: Uint8Array,
  format: string,
  minSilence: number,
): Promise<DecodedAudio> => {
  const input = ['-nostdin', '-hide_banner', '-v', 'warning', '-f', format, '-i', 'pipe:0']
  const output = ['-map', '0:a:0', '-ac', '1', '-ar', String(RATE), '-f', 's16le', 'pipe:1']
  const decoder = spawn('ffmpeg', [...input, ...output])
  // It may end before it has read all of a damaged recording.
  decoder.stdin.on('error', () => undefined).end(recording)
  const [decoded, complaints] = await Promise.all([buffer(decoder.stdout), text(decoder.stderr)])
  const samples = new Int16Array(
    decoded.buffer.slice(decoded.byteOffset, decoded.byteOffset + decoded.length),
  )
  return {
    complaints: complaints.split('\n').filter((line) => line.trim() !== '' && !EXPECTED.test(line)),
    seconds: samples.length / RATE,
    silences: silencesOf(samples, minSilence),
    samples,
  }
}

/** Expected for a raw stream, which carries no length. */
const EXPECTED = /Estimating duration from bitrate/

/** -50 dB of full scale. */
const MAX_SILENCE_SAMPLE = 104

const silencesOf = (samples: Int16Array, minSeconds: number): { at: number; seconds: number }[] => {
  const found: { at: number; seconds: number }[] = []
  let start = 0
  const close = (end: number): void => {
    const seconds = (end - start) / RATE
    if (seconds >= minSeconds) found.push({ at: start / RATE, seconds })
  }
  for (let index = 0; index < samples.length; index++) {
    if (Math.abs(samples[index]!) < MAX_SILENCE_SAMPLE) continue
    close(index)
    start = index + 1
  }
  close(samples.length)
  return found
}

/**
 * A recording begins and ends anywhere in a stream: bytes before the first frame and behind the last whole one are not
 * counted as faults.
 */
export const wholeFrames = (recording: Buffer, format: 'mp3' | 'aac'): Buffer => {
  const isSync = (at: number): boolean =>
    recording[at] === 0xff &&
    (format === 'aac' ? (recording[at + 1]! & 0xf6) === 0xf0 : (recording[at + 1]! & 0xe6) === 0xe2)
  const next = (at: number): number => at + frameLength(recording, at, format)
  let from = 0
  while (from < recording.length - 8 && !(isSync(from) && isSync(next(from)))) from++
  let end = from
  while (end + 8 < recording.length && isSync(end) && next(end) <= recording.length) end = next(end)
  return recording.subarray(from, end)
}

const KILOBITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const RATES = [44_100, 48_000, 32_000]

const frameLength = (bytes: Buffer, at: number, format: 'mp3' | 'aac'): number => {
  if (format === 'aac') {
    return ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
  }
  const third = bytes[at + 2]!
  const bits = (KILOBITS[third >> 4] ?? 0) * 144_000
  return Math.floor(bits / (RATES[(third >> 2) & 3] ?? 1)) + ((third >> 1) & 1)
}
