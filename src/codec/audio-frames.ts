import type { AudioCodec, AudioFormat } from '../contract/format.ts'
import { Ac3Parser } from './ac3.ts'
import { AdtsParser } from './adts.ts'
import { reuseAudioFormat, NO_FRAME, TOO_SHORT } from './frame-parser.ts'
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
const MAX_FRAME_BYTES = 32_768
const EMPTY = new Uint8Array(0)

/** Values of `#frameEnd` beside an offset: no frame begins here; more bytes are needed to decide. */
const NOT_A_FRAME = -1
const MORE_BYTES_NEEDED = -2

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
  #carry = EMPTY
  #format: AudioFormat | undefined
  #isLocked = false
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
      if (end === MORE_BYTES_NEEDED) break
      const format = end === NOT_A_FRAME ? undefined : this.#formatOf(buffer, at, end)
      if (end === NOT_A_FRAME) this.#isLocked = false
      else if (format !== undefined) {
        this.#isLocked = true
        onFrame(buffer.subarray(at, end), format, at - earlier)
      }
      const next = end === NOT_A_FRAME ? at + 1 : end
      if (format === undefined) this.skippedBytes += next - at
      at = next
    }
    this.#carry = at < buffer.length ? buffer.slice(at) : EMPTY
  }

  reset(): void {
    this.skippedBytes += this.#carry.length
    this.#carry = EMPTY
    this.#isLocked = false
  }

  #formatOf(buffer: Uint8Array, at: number, end: number): AudioFormat | undefined {
    const found = this.#parser.formatAt(buffer, at, end - at)
    if (found !== undefined) this.#format = reuseAudioFormat(this.#format, found)
    return found && this.#format
  }

  /**
   * End of the frame at `at`, its dependent substreams included. A frame is accepted within a run of frames of one
   * format, when the header behind it matches, or when it ends where the pushed bytes end.
   */
  #frameEnd(buffer: Uint8Array, at: number): number {
    const length = this.#parser.lengthAt(buffer, at)
    if (length === TOO_SHORT) return MORE_BYTES_NEEDED
    if (length === NO_FRAME) return NOT_A_FRAME
    if (this.#parser.continuesAt?.(buffer, at) === true) {
      this.#waitsForSubstreams ||= this.#isLocked
      return NOT_A_FRAME
    }
    const end = this.#withSubstreams(buffer, at, at + length)
    if (end === MORE_BYTES_NEEDED || end > buffer.length) return MORE_BYTES_NEEDED
    if (end === buffer.length) return end
    const next = this.#parser.lengthAt(buffer, end)
    const trusted = this.#isLocked && this.#isKnownFormat(buffer, at, length)
    if (next === TOO_SHORT) return trusted ? end : MORE_BYTES_NEEDED
    if (next > 0) return trusted || this.#parser.headersMatch(buffer, at, end) ? end : NOT_A_FRAME
    return trusted && !this.#containsFrame(buffer, at + 1, end) ? end : NOT_A_FRAME
  }

  #isKnownFormat(buffer: Uint8Array, at: number, length: number): boolean {
    const found = this.#parser.formatAt(buffer, at, length)
    return found !== undefined && reuseAudioFormat(this.#format, found) === this.#format
  }

  /** True if a frame begins in this range: a frame that lost bytes or has a damaged length reaches into those behind it. */
  #containsFrame(buffer: Uint8Array, from: number, to: number): boolean {
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
    while (end < buffer.length && end - at < MAX_FRAME_BYTES) {
      const length = this.#parser.lengthAt(buffer, end)
      if (length === TOO_SHORT) return MORE_BYTES_NEEDED
      if (length === NO_FRAME || !this.#parser.continuesAt(buffer, end)) return end
      end += length
    }
    return end === buffer.length && this.#waitsForSubstreams ? MORE_BYTES_NEEDED : end
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first, 0)
  both.set(second, first.length)
  return both
}
