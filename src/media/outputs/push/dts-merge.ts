import type { PushFrame } from './push-frame.ts'

/** More than any encoder holds back: a track that is missing entirely must not cost memory. */
const MOST_HELD = 4_096

/**
 * Puts pictures and sound in order of DTS. A frame waits until the other track has come as far, or until the program is
 * `patience` ahead of it: then it goes without.
 */
export class DtsMerge {
  readonly #emit: (frame: PushFrame) => void
  readonly #patience: number
  readonly #lanes: { readonly video: PushFrame[]; readonly audio: PushFrame[] } = {
    video: [],
    audio: [],
  }
  readonly #newest = { video: Number.NEGATIVE_INFINITY, audio: Number.NEGATIVE_INFINITY }
  #program = Number.NEGATIVE_INFINITY

  /** `patience`: ticks of program time. */
  constructor(patience: number, emit: (frame: PushFrame) => void) {
    this.#patience = patience
    this.#emit = emit
  }

  push(frame: PushFrame): void {
    const lane = this.#lanes[frame.kind]
    lane.push(frame)
    this.#newest[frame.kind] = frame.dts
    if (lane.length > MOST_HELD) this.#emit(lane.shift()!)
    this.#release()
  }

  /** The program has been played out up to here. */
  advance(time: number): void {
    this.#program = time
    this.#release()
  }

  #release(): void {
    const { video, audio } = this.#lanes
    for (;;) {
      const picture = video[0]
      const sound = audio[0]
      const first = picture === undefined || (sound && sound.dts < picture.dts) ? sound : picture
      if (first === undefined || !this.#mayGo(first)) return
      this.#lanes[first.kind].shift()
      this.#emit(first)
    }
  }

  #mayGo(frame: PushFrame): boolean {
    const other = frame.kind === 'video' ? 'audio' : 'video'
    return this.#newest[other] >= frame.dts || this.#program - frame.dts >= this.#patience
  }
}
