import type { AudioFormat } from '../contract/format.ts'

/** No frame begins here. */
export const NO_FRAME = -1
/** The bytes end before the frame header does. */
export const TOO_SHORT = 0

/** Frame syntax of one audio codec; stateful only where the format is sent apart from the frames. */
export interface FrameParser {
  /** Bytes that `lengthAt` needs to decide. */
  readonly headerBytes: number
  /** Length of the frame that begins at `at` in bytes; NO_FRAME, or TOO_SHORT. */
  lengthAt(bytes: Uint8Array, at: number): number
  /** Format of the frame at [at, at + length), the same object while unchanged; undefined until the stream carries it. */
  formatAt(bytes: Uint8Array, at: number, length: number): AudioFormat | undefined
  /** True if two headers may be neighbours in one stream; checked before a header among garbage is accepted. */
  headersMatch(bytes: Uint8Array, one: number, other: number): boolean
  /** True if the frame at `at` belongs to the one before it (E-AC-3 dependent substreams). */
  continuesAt?(bytes: Uint8Array, at: number): boolean
}

/** `current` when its fields are equal, otherwise `found`. */
export function reuseAudioFormat(
  current: AudioFormat | undefined,
  found: AudioFormat,
): AudioFormat {
  const same =
    current !== undefined &&
    current.codec === found.codec &&
    current.profile === found.profile &&
    current.sampleRate === found.sampleRate &&
    current.channels === found.channels &&
    current.frameSamples === found.frameSamples
  return same ? current : found
}
