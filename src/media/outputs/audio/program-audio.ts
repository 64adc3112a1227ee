import { createFrameSplitter, type FrameSplitter } from '../../../codec/audio-frames.ts'
import type { AudioFormat } from '../../../contract/format.ts'
import { untilCalled } from '../../../lib/clock.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { ProgramFrames } from '../interface/program-frames.ts'

/** Uninterrupted audio of one format. Its frames have the same length, so that a frame's number is its time. */
export interface AudioTimelineSegment {
  readonly format: AudioFormat
  /** Index of its first frame. */
  readonly first: number
}

export interface ProgramAudioFrame {
  readonly segment: AudioTimelineSegment
  readonly data: Uint8Array
}

export interface ProgramAudioOptions {
  readonly frames: ProgramFrames
  /** Kept past, milliseconds. */
  readonly keepMs: number
  readonly onFault: (error: unknown) => void
}

/**
 * The program's first audio track, its newest seconds by index: an encoder keeps a place in it instead of a queue, and a
 * restarted one continues with the first frame that its predecessor did not finish. A hole in the program's time is
 * ignored: what is sent has no timestamps, and the audio continues with the next frame.
 */
export class ProgramAudio {
  readonly #options: ProgramAudioOptions
  readonly #subscribers = new Set<() => void>()
  /** The oldest is `#frames[#head]`. */
  readonly #frames: ProgramAudioFrame[] = []
  #head = 0
  #oldest = 0
  #splitter: FrameSplitter | undefined
  #segment: AudioTimelineSegment | undefined
  #unreadable = 0

  constructor(options: ProgramAudioOptions) {
    this.#options = options
  }

  /** Until the returned function is called. */
  attach(): () => void {
    return this.#options.frames.attach(
      { audio: (track, unit) => (track === 0 ? this.#addUnit(unit) : undefined) },
      this.#options.onFault,
    )
  }

  /** Called after each frame. */
  subscribe(onFrame: () => void): () => void {
    this.#subscribers.add(onFrame)
    return () => void this.#subscribers.delete(onFrame)
  }

  /** Resolves when a frame of this index has come, or the signal is aborted. */
  async untilFrame(index: number, signal: AbortSignal): Promise<void> {
    while (this.end <= index && !signal.aborted) {
      await untilCalled((onFrame) => this.subscribe(onFrame), signal)
    }
  }

  /** Undefined when it has not come yet, or is no longer kept. */
  frame(index: number): ProgramAudioFrame | undefined {
    return index < this.#oldest ? undefined : this.#frames[this.#head + index - this.#oldest]
  }

  /** Index of the oldest kept frame. */
  get oldest(): number {
    return this.#oldest
  }

  /** Index of the next frame. */
  get end(): number {
    return this.#oldest + this.#frames.length - this.#head
  }

  /** Frames left out because of an unreadable header. */
  get unreadable(): number {
    return this.#unreadable
  }

  /** Index of the frame that started this long ago, or of the oldest of the current timeline segment. */
  indexBefore(ms: number): number {
    if (this.#segment === undefined) return this.end
    const frames = Math.ceil(ms / (segmentFrameSeconds(this.#segment) * 1_000))
    return Math.max(this.#oldest, this.#segment.first, this.end - frames)
  }

  #addUnit(unit: AccessUnit): void {
    const format = this.#formatOf(unit.data)
    if (format === undefined) {
      this.#unreadable++
      return
    }
    if (this.#segment?.format !== format) this.#segment = { format, first: this.end }
    this.#frames.push({ segment: this.#segment, data: unit.data })
    const kept = Math.ceil(this.#options.keepMs / (segmentFrameSeconds(this.#segment) * 1_000))
    while (this.end - this.#oldest > kept) this.#dropOldest()
    for (const notify of [...this.#subscribers]) notify()
  }

  #dropOldest(): void {
    this.#head++
    this.#oldest++
    if (this.#head < this.#frames.length / 2) return
    this.#frames.splice(0, this.#head)
    this.#head = 0
  }

  /** The same object while unchanged. */
  #formatOf(data: Uint8Array): AudioFormat | undefined {
    const { audio } = this.#options.frames.tracks
    if (audio === undefined) return undefined
    this.#splitter ??= createFrameSplitter(audio.codec)
    let found: AudioFormat | undefined
    this.#splitter.push(data, (_, format) => (found ??= format))
    this.#splitter.reset()
    return found
  }
}

/** Duration of one frame, seconds. */
export const segmentFrameSeconds = ({ format }: AudioTimelineSegment): number =>
  format.frameSamples / format.sampleRate
