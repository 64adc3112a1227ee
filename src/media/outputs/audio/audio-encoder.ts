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
import { stretchSeconds, type ProgramSound, type SoundStretch } from './program-sound.ts'
import { StretchEncoder } from './stretch-encoder.ts'

const VENDOR = 'Sluice'
const NOTHING = new Uint8Array(0)

export interface AudioEncoderParts {
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  /** Attached to the program by whoever made it. */
  readonly sound: ProgramSound
  readonly wanted: Pick<CodedAudio, 'format' | 'bitrate'>
  /** Of the program's first audio track, as the channel began. */
  readonly program: AudioFormat
  /** How much of the past comes first, milliseconds. */
  readonly burstMs: number
  /** Names the process in the ledger: "sound for radio". */
  readonly purpose: string
  readonly onUnit: (unit: CodedUnit) => void
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

export interface AudioEncoderFigures {
  /** The program's own frames, or coded anew. */
  readonly mode: 'starting' | 'copy' | 'encode'
  readonly pid?: number
  /** Encoders that died or hung. */
  readonly restarts: number
  /** Of these, those that took or gave nothing. */
  readonly stuck: number
  /** Sound that was never sent, milliseconds. */
  readonly lostMs: number
  readonly lastError?: string
}

/**
 * The program's sound in one coding for ever: copied, or by an encoder that is started anew when it dies or hangs, and
 * goes on with the very frame the one before did not give. What comes out is one stream without a gap.
 */
export class AudioEncoder {
  readonly coded: CodedAudio
  readonly #parts: AudioEncoderParts
  readonly #limit: CopyLimit
  readonly #encoder: StretchEncoder
  readonly #pager: OpusPager | undefined
  #head: Uint8Array | undefined
  #mode: AudioEncoderFigures['mode'] = 'starting'
  #lostMs = 0

  constructor(parts: AudioEncoderParts) {
    this.#parts = parts
    this.coded = codedAudio(parts.wanted.format, parts.wanted.bitrate, parts.program)
    this.#limit = new CopyLimit(this.coded.bitrate)
    if (this.coded.format === 'opus') this.#pager = new OpusPager(parts.random() * 2 ** 32)
    else this.#head = NOTHING
    this.#encoder = new StretchEncoder({
      ...parts,
      coded: this.coded,
      onFrame: (frame) => this.#give(frame),
      onIdentification: (packet) => (this.#head ??= this.#pager?.head(packet, VENDOR)),
    })
  }

  /** What every listener is sent first: Ogg's header pages, else nothing. Undefined while these are not known. */
  get head(): Uint8Array | undefined {
    return this.#head
  }

  /** Resolves after an abort, when the process is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const { sound, burstMs } = this.#parts
    await sound.reached(0, signal)
    let index = sound.indexBefore(burstMs)
    while (!signal.aborted) {
      await sound.reached(index, signal)
      index = Math.max(index, sound.oldest)
      const stretch = sound.frame(index)?.stretch
      if (stretch !== undefined) index = await this.#stretch(stretch, index, signal)
    }
  }

  figures(): AudioEncoderFigures {
    const { lostFrames, ...encoder } = this.#encoder.figures()
    const lost = this.#lostMs + lostFrames * frameSeconds(this.coded) * 1_000
    return { mode: this.#mode, ...encoder, lostMs: Math.round(lost) }
  }

  /** From a frame to the end of its stretch; resolves with the index behind it. */
  async #stretch(stretch: SoundStretch, from: number, signal: AbortSignal): Promise<number> {
    let index = from
    if (canCopy(this.coded, stretch.format)) {
      this.#mode = 'copy'
      index = await this.#copy(stretch, index, signal)
      const next = this.#parts.sound.frame(index)
      if (signal.aborted || next?.stretch !== stretch) return index
    }
    this.#mode = 'encode'
    const into = ((index - stretch.first) * stretchSeconds(stretch)) / frameSeconds(this.coded)
    return this.#encoder.run(stretch, Math.ceil(into - 1e-6), signal)
  }

  /** To the end of the stretch, or to where the program's bitrate is more than was asked for. */
  async #copy(stretch: SoundStretch, from: number, signal: AbortSignal): Promise<number> {
    const { sound } = this.#parts
    const seconds = stretchSeconds(stretch)
    for (let index = from; ; index++) {
      await sound.reached(index, signal)
      if (index < sound.oldest) {
        this.#lostMs += (sound.oldest - index) * seconds * 1_000
        index = sound.oldest
      }
      const frame = sound.frame(index)
      const exceeded = this.#limit.verdict === 'exceeded'
      if (signal.aborted || exceeded || frame?.stretch !== stretch) return index
      this.#limit.add(frame.data.length, seconds)
      this.#give(frame.data)
    }
  }

  #give(frame: Uint8Array): void {
    const ms = frameSeconds(this.coded) * 1_000
    if (this.#pager === undefined) {
      this.#parts.onUnit({ bytes: frame, ms })
      return
    }
    const page = this.#pager.push(frame)
    if (page !== undefined) this.#parts.onUnit(page)
  }
}
