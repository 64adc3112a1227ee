import { createFrameSplitter, type FrameSplitter } from '../../../codec/audio-frames.ts'
import type { AudioFormat } from '../../../contract/format.ts'
import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { ProgramFrames } from '../interface/program-frames.ts'

/** Sound of one format without an end in it. Its frames have one length each, so that a frame's number is its time. */
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
  /** How much of the past is kept, milliseconds. */
  readonly keepMs: number
  readonly onFault: (error: unknown) => void
}

/**
 * The program's first audio track, its newest seconds by index: whoever encodes it keeps a place in it instead of a queue,
 * and one that begins anew begins with what the one before did not finish. A hole in the program's time is none in here:
 * what is sent has no time stamps, and the sound goes on with the next frame.
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

  /** Resolves when there is a frame of this index, or was, or the signal is aborted. */
  untilFrame(index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.end <= index && !signal.aborted) return
        unsubscribe()
        signal.removeEventListener('abort', check)
        resolve()
      }
      const unsubscribe = this.subscribe(check)
      signal.addEventListener('abort', check)
      check()
    })
  }

  /** Undefined when it has not come yet, or is not kept any more. */
  frame(index: number): ProgramAudioFrame | undefined {
    return index < this.#oldest ? undefined : this.#frames[this.#head + index - this.#oldest]
  }

  /** Index of the oldest frame that is kept. */
  get oldest(): number {
    return this.#oldest
  }

  /** Index of the frame that comes next. */
  get end(): number {
    return this.#oldest + this.#frames.length - this.#head
  }

  /** Frames that were left out because their header could not be read. */
  get unreadable(): number {
    return this.#unreadable
  }

  /** The frame that began this long ago, or the oldest of the present stretch. */
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

/** Seconds of one frame. */
export const segmentFrameSeconds = ({ format }: AudioTimelineSegment): number =>
  format.frameSamples / format.sampleRate
