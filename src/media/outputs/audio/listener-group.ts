import type { AudioFormat } from '../../../contract/format.ts'
import type { AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock, Timer } from '../../../lib/clock.ts'
import type { ProcessHost } from '../../../process/host.ts'
import { FanOut } from '../../viewers/fan-out.ts'
import { AudioEncoder, type AudioEncoderFigures } from './audio-encoder.ts'
import { codedAudio, type CodedAudio } from './coded-audio.ts'
import { FrameRing } from './frame-ring.ts'
import type { Listener, SharedAudio } from './listener.ts'
import type { ProgramAudio } from './program-audio.ts'

export interface ListenerGroupParts {
  readonly format: AudioEncoding
  readonly bitrate: number
  readonly program: AudioFormat
  readonly audio: ProgramAudio
  readonly host: ProcessHost
  readonly clock: Clock
  readonly random: () => number
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly burstMs: number
  /** Audio that is kept for listeners that lag, milliseconds. */
  readonly keepMs: number
  /** Time from the last listener's end to the encoder's, milliseconds. */
  readonly idleMs: number
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

interface Running {
  readonly encoder: AudioEncoder
  readonly ring: FrameRing
  readonly stop: AbortController
}

/** One coding of the program for all its listeners: started by the first, ended some time after the last. */
export class ListenerGroup {
  readonly coded: CodedAudio
  readonly #parts: ListenerGroupParts
  readonly #fanOut: FanOut<Listener>
  #running: Running | undefined
  /** Covers the previous encoder too: resolves when none runs. */
  #ended: Promise<unknown> = Promise.resolve()
  #idleTimer: Timer | undefined

  constructor(parts: ListenerGroupParts) {
    this.#parts = parts
    this.#fanOut = new FanOut(parts.clock)
    this.coded = codedAudio(parts.format, parts.bitrate, parts.program)
  }

  get listeners(): readonly Listener[] {
    return this.#fanOut.viewers
  }

  /** Undefined without listeners. */
  figures(): AudioEncoderFigures | undefined {
    return this.#running?.encoder.figures()
  }

  /** Frames for a new listener. */
  sharedAudio(): SharedAudio {
    this.#idleTimer?.cancel()
    this.#idleTimer = undefined
    const { encoder, ring } = (this.#running ??= this.#start())
    return {
      ring,
      get head() {
        return encoder.head
      },
    }
  }

  addListener(listener: Listener): void {
    this.#fanOut.addViewer(listener)
    listener.pump()
  }

  removeListener(listener: Listener): void {
    this.#fanOut.removeViewer(listener)
    if (this.listeners.length > 0) return
    this.#idleTimer?.cancel()
    this.#idleTimer = this.#parts.clock.after(this.#parts.idleMs, () => this.#stop())
  }

  /** Disconnects every listener; resolves when the encoder is gone. */
  async close(): Promise<void> {
    for (const listener of [...this.listeners]) listener.disconnect('the program ended')
    this.#stop()
    await this.#ended
    // The last connection may have closed meanwhile and started the timer.
    this.#idleTimer?.cancel()
  }

  #start(): Running {
    const { format, bitrate, keepMs } = this.#parts
    const ring = new FrameRing(keepMs)
    const encoder = new AudioEncoder({
      ...this.#parts,
      wanted: { format, bitrate },
      purpose: `audio for ${format} listeners`,
      onUnit: (unit) => {
        ring.append(unit)
        this.#fanOut.onAppend()
      },
    })
    const stop = new AbortController()
    this.#ended = Promise.all([this.#ended, encoder.run(stop.signal)])
    return { encoder, ring, stop }
  }

  #stop(): void {
    this.#idleTimer?.cancel()
    this.#idleTimer = undefined
    this.#running?.stop.abort()
    this.#running = undefined
  }
}
