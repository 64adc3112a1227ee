import type { AccessUnit } from '../../../mpegts/access-unit.ts'
import type { ConformPlan } from './conform-plan.ts'

/** Wait of video for the first audio frame (the transcoder must find every track at its start), ticks. */
const MAX_AUDIO_WAIT_TICKS = 45_000
/** Lead over the first picture above which audio is not fed. */
const MAX_AUDIO_LEAD_TICKS = 9_000
const MAX_HELD_UNITS = 2_000

/**
 * Gathers units until a transcoder can start: a random access point and a frame of each audio track. Then returns them
 * with the audio first, so that the transcoder finds all its tracks within the first few kilobytes.
 */
export class ConformStart {
  readonly #video: number | undefined
  readonly #audio: readonly number[]
  #units: AccessUnit[] = []
  #rap: AccessUnit | undefined

  constructor(plan: ConformPlan) {
    this.#video = plan.video?.pid
    this.#audio = plan.audio.map(({ pid }) => pid)
  }

  /** Returns the first units in the order of feeding, as soon as there are enough; undefined before. */
  push(unit: AccessUnit): readonly AccessUnit[] | undefined {
    if (unit.pid === this.#video && !this.#acceptsVideo(unit)) return undefined
    this.#units.push(unit)
    if (this.#units.length > MAX_HELD_UNITS) this.#units.shift()
    const first = this.#video === undefined ? this.#units[0]! : this.#rap
    if (first === undefined) return undefined
    const audio = this.#units.filter(
      (u) => u.kind === 'audio' && u.pts >= first.pts - MAX_AUDIO_LEAD_TICKS,
    )
    const complete = this.#audio.every((pid) => audio.some((u) => u.pid === pid))
    if (!complete && unit.dts - first.dts < MAX_AUDIO_WAIT_TICKS) return undefined
    return [...audio, ...this.#units.filter((u) => u.kind === 'video')]
  }

  /** Pictures before the random access point, and those that lead it, cannot be decoded. */
  #acceptsVideo(unit: AccessUnit): boolean {
    if (this.#rap !== undefined) return !unit.leading
    if (unit.rap === 'none') return false
    this.#rap = unit
    return true
  }
}
