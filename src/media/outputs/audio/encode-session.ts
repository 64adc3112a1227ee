import { createFrameSplitter } from '../../../codec/audio-frames.ts'
import { audioEncodeArguments, type AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'
import { FedProcess, type FedEnd } from '../../../ffmpeg/fed-process.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { ProcessHost } from '../../../process/host.ts'
import type { CodedAudio } from './coded-audio.ts'
import type { EncodePlan } from './encode-plan.ts'
import { OggPackets } from './ogg.ts'
import type { ProgramAudio, AudioTimelineSegment } from './program-audio.ts'

/** Limit of unread input of the encoder; the rest stays in `ProgramAudio`. */
const MAX_QUEUED_BYTES = 32 * 1024
/** Time in which an encoder flushes and exits after the end of its input, before it is stopped. */
const MAX_FINISH_MS = 4_000
/** It holds nothing that is worth a wait. */
const TERMINATION = { againMs: 100, graceMs: 500 }

export interface EncodeSessionParts {
  readonly host: ProcessHost
  readonly clock: Clock
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly coded: CodedAudio
  readonly audio: ProgramAudio
  readonly segment: AudioTimelineSegment
  readonly plan: EncodePlan
  /** Name of the process in the ledger. */
  readonly purpose: string
  /** MP3 and ADTS frames, Opus packets. */
  readonly onFrame: (frame: Uint8Array) => void
  /** The identification header, of Opus only. */
  readonly onIdentification: (packet: Uint8Array) => void
  readonly onLine: (line: StderrLine) => void
}

/** One encoder process: from a place in the program's audio to the end of the timeline segment, a crash, or the abort. */
export class EncodeSession {
  readonly #parts: EncodeSessionParts
  readonly #child: FedProcess
  #nextFrame: number
  #framesToDrop: number
  #state: 'feeding' | 'waiting' | 'lost' | 'finished' = 'feeding'

  constructor(parts: EncodeSessionParts) {
    const { coded, segment, plan } = parts
    this.#parts = parts
    this.#nextFrame = plan.first
    this.#framesToDrop = plan.dropFrames
    this.#child = new FedProcess(parts, {
      ffmpeg: parts.ffmpeg,
      args: audioEncodeArguments({
        input: segment.format.codec,
        output: coded,
        skipSamples: plan.skipSamples,
      }),
      purpose: parts.purpose,
      secrets: [],
      onLine: parts.onLine,
      terminate: TERMINATION,
      maxFinishMs: MAX_FINISH_MS,
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** `lost`: the next frame of its input is no longer kept. */
  get state(): 'feeding' | 'waiting' | 'lost' | 'finished' {
    return this.#state
  }

  /** Index of the program's next frame for it; when finished, the first after the timeline segment. */
  get nextFrame(): number {
    return this.#nextFrame
  }

  /** Writes the available frames as far as the encoder accepts them; never waits. */
  pump(): void {
    const { audio, segment } = this.#parts
    const { stdin } = this.#child
    while (this.#state === 'feeding') {
      const frame = audio.frame(this.#nextFrame)
      if (frame === undefined) {
        if (this.#nextFrame < audio.oldest) this.#state = 'lost'
        return
      }
      if (frame.segment !== segment) {
        this.#state = 'finished'
        this.#child.finish()
        return
      }
      stdin.write(frame.data)
      this.#nextFrame++
      if (stdin.queuedBytes < MAX_QUEUED_BYTES) continue
      this.#state = 'waiting'
      void stdin.drained().then(() => this.#resume())
    }
  }

  /** Resolves when the process is gone and all its output was passed on. */
  run(signal: AbortSignal): Promise<FedEnd> {
    const split = splitterOf(this.#parts.coded.format, this.#parts.onIdentification)
    const onFrame = (frame: Uint8Array): void => {
      if (this.#framesToDrop > 0) this.#framesToDrop--
      else this.#parts.onFrame(frame)
    }
    const end = this.#child.run((chunk) => split(chunk, onFrame), signal)
    this.pump()
    return end
  }

  #resume(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'feeding'
    this.pump()
  }
}

type Split = (chunk: Uint8Array, onFrame: (frame: Uint8Array) => void) => void

const splitterOf = (
  format: AudioEncoding,
  onIdentification: (packet: Uint8Array) => void,
): Split => {
  if (format !== 'opus') {
    const splitter = createFrameSplitter(format)
    return (chunk, onFrame) => splitter.push(chunk, (frame) => onFrame(frame))
  }
  const packets = new OggPackets()
  let headers = 0
  return (chunk, onFrame) =>
    packets.push(chunk, (packet) => {
      headers++
      if (headers === 1) onIdentification(packet)
      else if (headers > 2) onFrame(packet)
    })
}
