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
  /** What a listener may lag behind is kept, and a little more. */
  readonly keepMs: number
  /** So long after the last listener the encoder is ended. */
  readonly idleMs: number
  readonly onLine: (line: StderrLine) => void
  readonly warn: (message: string) => void
}

interface Running {
  readonly encoder: AudioEncoder
  readonly ring: FrameRing
  readonly stop: AbortController
}

/** One coding of the program for all who listen to it: begun by the first, ended some time after the last. */
export class ListenerGroup {
  readonly coded: CodedAudio
  readonly #parts: ListenerGroupParts
  readonly #fanOut: FanOut<Listener>
  #running: Running | undefined
  /** Of the encoder before, too: resolves when nothing runs any more. */
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

  /** Undefined while nobody listens. */
  figures(): AudioEncoderFigures | undefined {
    return this.#running?.encoder.figures()
  }

  /** The frames for a listener that comes now. */
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
    // The last connection may have closed, and wound the timer up, meanwhile.
    this.#idleTimer?.cancel()
  }

  #start(): Running {
    const { format, bitrate, keepMs } = this.#parts
    const ring = new FrameRing(keepMs)
    const encoder = new AudioEncoder({
      ...this.#parts,
      wanted: { format, bitrate },
      purpose: `sound for ${format} listeners`,
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
