import type { AudioCodec, AudioFormat } from '../contract/format.ts'
import { Ac3Parser } from './ac3.ts'
import { AdtsParser } from './adts.ts'
import { keepFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
import type { FrameParser } from './frame-parser.ts'
import { LatmParser } from './latm.ts'
import { MpegAudioParser } from './mpeg-audio.ts'

/**
 * `frame` is a view: of the pushed bytes, or of a joined copy when the frame began in an earlier push.
 * `offsetInPush` is where it begins, relative to the first byte of this push: negative when it began in an
 * earlier one, and then exact, so that a PES PTS finds the first frame that commences in that PES
 * (ISO/IEC 13818-1 2.4.3.7).
 */
export type OnFrame = (frame: Uint8Array, format: AudioFormat, offsetInPush: number) => void

/** Splits the bytes of one audio track into frames, whatever the chunking; never throws; memory is bounded. */
export interface FrameSplitter {
  push(bytes: Uint8Array, onFrame: OnFrame): void
  /** Drops a partial frame, as at a hole in the stream; the dropped bytes count as skipped. */
  reset(): void
  /** Bytes that belonged to no frame, since the start. */
  readonly skippedBytes: number
}

/** Above the largest frame there is: LOAS 8194; E-AC-3 with all its substreams, in practice, too. */
const MOST_FRAME_BYTES = 32_768
const NOTHING = new Uint8Array(0)

/** What begins at a place: nothing, or it is not to be told before more bytes come; else a frame's end. */
const GARBAGE = -1
const WAIT = -2

export function createFrameSplitter(codec: AudioCodec): FrameSplitter {
  return new Splitter(parserOf(codec))
}

function parserOf(codec: AudioCodec): FrameParser {
  switch (codec) {
    case 'aac':
      return new AdtsParser()
    case 'aac_latm':
      return new LatmParser()
    case 'mp1':
    case 'mp2':
    case 'mp3':
      return new MpegAudioParser()
    case 'ac3':
    case 'eac3':
      return new Ac3Parser()
  }
}

class Splitter implements FrameSplitter {
  readonly #parser: FrameParser
  #carry = NOTHING
  #format: AudioFormat | undefined
  #locked = false
  /** Substreams were found cut off from their frame by the end of a push: wait for the next frame from now on. */
  #waitsForSubstreams = false
  skippedBytes = 0

  constructor(parser: FrameParser) {
    this.#parser = parser
  }

  push(bytes: Uint8Array, onFrame: OnFrame): void {
    const earlier = this.#carry.length
    const buffer = earlier === 0 ? bytes : joined(this.#carry, bytes)
    let at = 0
    while (at < buffer.length) {
      const end = this.#frameEnd(buffer, at)
      if (end === WAIT) break
      const format = end === GARBAGE ? undefined : this.#formatOf(buffer, at, end)
      if (end === GARBAGE) this.#locked = false
      else if (format !== undefined) {
        this.#locked = true
        onFrame(buffer.subarray(at, end), format, at - earlier)
      }
      const next = end === GARBAGE ? at + 1 : end
      if (format === undefined) this.skippedBytes += next - at
      at = next
    }
    this.#carry = at < buffer.length ? buffer.slice(at) : NOTHING
  }

  reset(): void {
    this.skippedBytes += this.#carry.length
    this.#carry = NOTHING
    this.#locked = false
  }

  #formatOf(buffer: Uint8Array, at: number, end: number): AudioFormat | undefined {
    const found = this.#parser.formatAt(buffer, at, end - at)
    if (found !== undefined) this.#format = keepFormat(this.#format, found)
    return found && this.#format
  }

  /**
   * Where the frame at `at` ends, its dependent substreams included. It is believed in a run of frames of one
   * format, when the header behind it agrees, or when it ends where the pushed bytes end.
   */
  #frameEnd(buffer: Uint8Array, at: number): number {
    const length = this.#parser.lengthAt(buffer, at)
    if (length === TOO_SHORT) return WAIT
    if (length === NO_FRAME) return GARBAGE
    if (this.#parser.continuesAt?.(buffer, at) === true) {
      this.#waitsForSubstreams ||= this.#locked
      return GARBAGE
    }
    const end = this.#withSubstreams(buffer, at, at + length)
    if (end === WAIT || end > buffer.length) return WAIT
    if (end === buffer.length) return end
    const next = this.#parser.lengthAt(buffer, end)
    const trusted = this.#locked && this.#isKnownFormat(buffer, at, length)
    if (next === TOO_SHORT) return trusted ? end : WAIT
    if (next > 0) return trusted || this.#parser.agrees(buffer, at, end) ? end : GARBAGE
    return trusted && !this.#holdsFrame(buffer, at + 1, end) ? end : GARBAGE
  }

  #isKnownFormat(buffer: Uint8Array, at: number, length: number): boolean {
    const found = this.#parser.formatAt(buffer, at, length)
    return found !== undefined && keepFormat(this.#format, found) === this.#format
  }

  /** A frame that lost bytes, or whose length is damaged, reaches into those behind it: does one begin in here? */
  #holdsFrame(buffer: Uint8Array, from: number, to: number): boolean {
    for (let at = from; at < to; at++) {
      const length = this.#parser.lengthAt(buffer, at)
      const end = at + length
      if (length <= 0 || end > buffer.length) continue
      if (end === buffer.length || this.#parser.lengthAt(buffer, end) > 0) return true
    }
    return false
  }

  #withSubstreams(buffer: Uint8Array, at: number, firstEnd: number): number {
    if (this.#parser.continuesAt === undefined) return firstEnd
    let end = firstEnd
    while (end < buffer.length && end - at < MOST_FRAME_BYTES) {
      const length = this.#parser.lengthAt(buffer, end)
      if (length === TOO_SHORT) return WAIT
      if (length === NO_FRAME || !this.#parser.continuesAt(buffer, end)) return end
      end += length
    }
    return end === buffer.length && this.#waitsForSubstreams ? WAIT : end
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first, 0)
  both.set(second, first.length)
  return both
}
