import type { Clock } from '../../lib/clock.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { SourceBuffer } from '../buffer/source-buffer.ts'
import type { ConformSink } from './conform/conformer.ts'
import type { InputTracks } from './input-tracks.ts'

/** Writes units that fit the program into the source buffer, each as the track of the program that it plays. */
export class BufferWriter implements Required<ConformSink> {
  readonly #buffer: SourceBuffer
  readonly #tracks: Pick<InputTracks, 'chosen'>
  readonly #clock: Clock
  #writtenAt = 0

  constructor(buffer: SourceBuffer, tracks: Pick<InputTracks, 'chosen'>, clock: Clock) {
    this.#buffer = buffer
    this.#tracks = tracks
    this.#clock = clock
  }

  /** Monotonic milliseconds of the newest unit; 0 before the first. */
  get writtenAt(): number {
    return this.#writtenAt
  }

  unit(unit: AccessUnit): void {
    const now = this.#clock.now()
    this.#writtenAt = now
    const { video, audio } = this.#tracks.chosen
    if (unit.pid === video) this.#buffer.addVideo(unit, now)
    else {
      audio.forEach((pid, track) => {
        if (pid === unit.pid) this.#buffer.addAudio(track, unit, now)
      })
    }
  }

  format(): void {
    // The tracks hold the source's own formats; a transcoder's output has the program's.
  }

  restarted(): void {
    this.#buffer.breakTimeline()
  }
}
