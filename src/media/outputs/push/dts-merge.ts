import type { PushFrame } from './push-frame.ts'

/** More than any encoder holds back: bounds the memory when a track is missing. */
const MAX_HELD_FRAMES = 4_096

/**
 * Orders video and audio by DTS. A frame waits until the other track has reached its DTS, or until the program is
 * `maxWaitTicks` ahead of it.
 */
export class DtsMerge {
  readonly #emit: (frame: PushFrame) => void
  readonly #maxWaitTicks: number
  readonly #queues: { readonly video: PushFrame[]; readonly audio: PushFrame[] } = {
    video: [],
    audio: [],
  }
  readonly #newest = { video: Number.NEGATIVE_INFINITY, audio: Number.NEGATIVE_INFINITY }
  #programTime = Number.NEGATIVE_INFINITY

  /** `maxWaitTicks`: ticks of program time. */
  constructor(maxWaitTicks: number, emit: (frame: PushFrame) => void) {
    this.#maxWaitTicks = maxWaitTicks
    this.#emit = emit
  }

  push(frame: PushFrame): void {
    const queue = this.#queues[frame.kind]
    queue.push(frame)
    this.#newest[frame.kind] = frame.dts
    if (queue.length > MAX_HELD_FRAMES) this.#emit(queue.shift()!)
    this.#release()
  }

  /** The program has been played out up to this time. */
  advance(time: number): void {
    this.#programTime = time
    this.#release()
  }

  #release(): void {
    const { video, audio } = this.#queues
    for (;;) {
      const nextVideo = video[0]
      const nextAudio = audio[0]
      const first =
        nextVideo === undefined || (nextAudio && nextAudio.dts < nextVideo.dts)
          ? nextAudio
          : nextVideo
      if (first === undefined || !this.#isReleasable(first)) return
      this.#queues[first.kind].shift()
      this.#emit(first)
    }
  }

  #isReleasable(frame: PushFrame): boolean {
    const other = frame.kind === 'video' ? 'audio' : 'video'
    return this.#newest[other] >= frame.dts || this.#programTime - frame.dts >= this.#maxWaitTicks
  }
}
