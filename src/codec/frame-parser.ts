import type { AudioFormat } from '../contract/format.ts'

/** No frame begins here. */
export const NO_FRAME = -1
/** The bytes end before the frame header does. */
export const TOO_SHORT = 0

/** How one audio codec tells its frames; stateful only where the format is sent apart from the frames. */
export interface FrameParser {
  /** Bytes that `lengthAt` needs to decide. */
  readonly headerBytes: number
  /** Length of the frame that begins at `at` in bytes; NO_FRAME, or TOO_SHORT. */
  lengthAt(bytes: Uint8Array, at: number): number
  /**
   * Format of the frame at [at, at + length), the same object while unchanged;
   * undefined while the stream has not told it.
   */
  formatAt(bytes: Uint8Array, at: number, length: number): AudioFormat | undefined
  /** May two headers be neighbours in one stream? Asked before a header among garbage is believed. */
  headersMatch(bytes: Uint8Array, one: number, other: number): boolean
  /** Does the frame that begins at `at` belong to the one before it (E-AC-3 dependent substreams)? */
  continuesAt?(bytes: Uint8Array, at: number): boolean
}

/** The known object when it says the same. */
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
