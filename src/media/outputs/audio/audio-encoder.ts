import type { AudioFormat } from '../../../contract/format.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { ProcessHost } from '../../../process/host.ts'
import {
  canCopy,
  codedAudio,
  frameSeconds,
  type CodedAudio,
  type CodedUnit,
} from './coded-audio.ts'
import { CopyLimit } from './copy-limit.ts'
import { OpusPager } from './ogg.ts'
import {
  segmentFrameSeconds,
  type ProgramAudio,
  type AudioTimelineSegment,
} from './program-audio.ts'
import { ContinuousEncoder } from './continuous-encoder.ts'

const VENDOR = 'Sluice'
const EMPTY = new Uint8Array(0)

export interface AudioEncoderParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  /** Attached to the program by the owner. */
  readonly audio: ProgramAudio
  readonly wanted: Pick<CodedAudio, 'format' | 'bitrate'>
  /** Format of the program's first audio track when the channel started. */
  readonly program: AudioFormat
  /** Past audio that is sent first, milliseconds. */
  readonly burstMs: number
  /** Name of the process in the ledger: "audio for radio". */
  readonly purpose: string
  readonly onUnit: (unit: CodedUnit) => void
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

export interface AudioEncoderFigures {
  /** `copy`: the program's own frames. */
  readonly mode: 'starting' | 'copy' | 'encode'
  readonly pid?: number
  /** Encoders that died or stalled. */
  readonly restarts: number
  /** Restarts of encoders that accepted or wrote nothing. */
  readonly stuck: number
  /** Audio that was never sent, milliseconds. */
  readonly lostMs: number
  readonly lastError?: string
}

/**
 * The program's audio in one coding: copied, or from an encoder that is restarted without limit when it dies or stalls, and
 * continues with the first frame that is missing. The output is one stream without a gap.
 */
export class AudioEncoder {
  readonly coded: CodedAudio
  readonly #parts: AudioEncoderParts
  readonly #copyLimit: CopyLimit
  readonly #encoder: ContinuousEncoder
  readonly #pager: OpusPager | undefined
  #head: Uint8Array | undefined
  #mode: AudioEncoderFigures['mode'] = 'starting'
  #lostMs = 0

  constructor(parts: AudioEncoderParts) {
    this.#parts = parts
    this.coded = codedAudio(parts.wanted.format, parts.wanted.bitrate, parts.program)
    this.#copyLimit = new CopyLimit(this.coded.bitrate)
    if (this.coded.format === 'opus') this.#pager = new OpusPager(parts.random() * 2 ** 32)
    else this.#head = EMPTY
    this.#encoder = new ContinuousEncoder({
      ...parts,
      coded: this.coded,
      onFrame: (frame) => this.#emitFrame(frame),
      onIdentification: (packet) => (this.#head ??= this.#pager?.head(packet, VENDOR)),
    })
  }

  /** Bytes for the start of every listener's stream: Ogg's header pages, else empty. Undefined until the encoder yields them. */
  get head(): Uint8Array | undefined {
    return this.#head
  }

  /** Resolves after an abort, when the process is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const { audio, burstMs } = this.#parts
    await audio.untilFrame(0, signal)
    let index = audio.indexBefore(burstMs)
    while (!signal.aborted) {
      await audio.untilFrame(index, signal)
      index = Math.max(index, audio.oldest)
      const segment = audio.frame(index)?.segment
      if (segment !== undefined) index = await this.#encodeSegment(segment, index, signal)
    }
  }

  figures(): AudioEncoderFigures {
    const { lostFrames, ...encoder } = this.#encoder.figures()
    const lost = this.#lostMs + lostFrames * frameSeconds(this.coded) * 1_000
    return { mode: this.#mode, ...encoder, lostMs: Math.round(lost) }
  }

  /** Encodes from a frame to the end of its timeline segment; resolves with the index after it. */
  async #encodeSegment(
    segment: AudioTimelineSegment,
    from: number,
    signal: AbortSignal,
  ): Promise<number> {
    let index = from
    if (canCopy(this.coded, segment.format)) {
      this.#mode = 'copy'
      index = await this.#copySegment(segment, index, signal)
      const next = this.#parts.audio.frame(index)
      if (signal.aborted || next?.segment !== segment) return index
    }
    this.#mode = 'encode'
    const into = ((index - segment.first) * segmentFrameSeconds(segment)) / frameSeconds(this.coded)
    return this.#encoder.run(segment, Math.ceil(into - 1e-6), signal)
  }

  /** Copies to the end of the timeline segment, or until the program's bitrate exceeds the wanted one. */
  async #copySegment(
    segment: AudioTimelineSegment,
    from: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { audio } = this.#parts
    const seconds = segmentFrameSeconds(segment)
    for (let index = from; ; index++) {
      await audio.untilFrame(index, signal)
      if (index < audio.oldest) {
        this.#lostMs += (audio.oldest - index) * seconds * 1_000
        index = audio.oldest
      }
      const frame = audio.frame(index)
      const exceeded = this.#copyLimit.verdict === 'exceeded'
      if (signal.aborted || exceeded || frame?.segment !== segment) return index
      this.#copyLimit.addFrame(frame.data.length, seconds)
      this.#emitFrame(frame.data)
    }
  }

  #emitFrame(frame: Uint8Array): void {
    const ms = frameSeconds(this.coded) * 1_000
    if (this.#pager === undefined) {
      this.#parts.onUnit({ bytes: frame, ms })
      return
    }
    const page = this.#pager.push(frame)
    if (page !== undefined) this.#parts.onUnit(page)
  }
}
