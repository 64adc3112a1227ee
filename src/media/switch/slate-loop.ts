import type { AudioFormat } from '../../contract/format.ts'
import { ticks } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { Playable } from '../buffer/playable.ts'
import type { BufferedUnit } from '../buffer/unit-queue.ts'

/** Units of the slate: one closed group of pictures with times from 0, and silent audio frames. */
export interface SlateUnits {
  readonly video: readonly AccessUnit[]
  /** Length of the group in ticks. */
  readonly videoTicks: number
  readonly silence: SilentAudio | undefined
  readonly audioTracks: number
}

export interface SilentAudio {
  readonly format: AudioFormat
  /** Duration of one frame in ticks, exact. */
  readonly frameTicks: number
  /** A cycle of encoded frames, any of which may follow any other. */
  readonly frames: readonly Uint8Array[]
}

/** The slate as a playable: endless, complete at any index, entered at the start of its loop. */
export class SlateLoop implements Playable {
  readonly hasVideo: boolean
  readonly hasAudio: readonly boolean[]
  readonly frameTicks: number
  readonly cleanEnd = Number.POSITIVE_INFINITY
  readonly videoEnd = Number.POSITIVE_INFINITY
  readonly closed = false
  readonly #units: SlateUnits

  constructor(units: SlateUnits) {
    this.#units = units
    this.hasVideo = units.video.length > 0
    this.hasAudio = Array.from({ length: units.audioTracks }, () => units.silence !== undefined)
    this.frameTicks = this.hasVideo
      ? units.videoTicks / units.video.length
      : (units.silence?.frameTicks ?? 0)
  }

  video(index: number): BufferedUnit | undefined {
    const count = this.#units.video.length
    const unit = this.#units.video[index % count]
    if (unit === undefined) return undefined
    const shift = Math.floor(index / count) * this.#units.videoTicks
    const at = { pts: ticks(unit.pts + shift), dts: ticks(unit.dts + shift) }
    return { unit: { ...unit, ...at }, arrival: 0, cleanAfter: true }
  }

  audio(track: number, index: number): BufferedUnit | undefined {
    const silence = this.#units.silence
    if (silence === undefined || track >= this.#units.audioTracks) return undefined
    const pts = ticks(index * silence.frameTicks)
    const data = silence.frames[index % silence.frames.length]!
    return {
      unit: {
        pid: 0,
        kind: 'audio',
        pts,
        dts: pts,
        rap: 'none',
        leading: false,
        duration: silence.frameTicks,
        data,
      },
      arrival: 0,
      cleanAfter: true,
    }
  }

  /** No effect: the loop is endless. */
  markRead(): void {}

  audioEnd(): number {
    return Number.POSITIVE_INFINITY
  }

  audioStart(): number {
    return 0
  }

  /** The slate has no live edge: it is always entered at its start. */
  rapAtOrBefore(): number {
    return 0
  }

  rapAfter(): number {
    return 0
  }
}
