import { hevcEndOfSequence } from '../../codec/hevc.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { Lane } from './lane.ts'
import type { BufferedUnit } from './unit-queue.ts'
import type { VideoTrack } from './video-track.ts'

/** Pictures later than this against the clock would overtake the PCR: the source is spliced anew behind a hole. */
export const LATE_TICKS = 200 * 90

/** Hands the pictures of the lane on air to the program's video track when they are due. */
export class PictureFeed {
  readonly #video: VideoTrack
  readonly #unfinished: 'held_back' | 'shown'

  /** `unfinished`: reorder groups that have not arrived whole; without latency they are shown as they come. */
  constructor(video: VideoTrack, unfinished: 'held_back' | 'shown') {
    this.#video = video
    this.#unfinished = unfinished
  }

  /** The next picture that may be shown, whenever it is due. */
  next({ picture, next }: Lane): BufferedUnit | undefined {
    const end = this.#unfinished === 'shown' ? picture.videoEnd : picture.cleanEnd
    return next < end ? picture.video(next) : undefined
  }

  showNext(lane: Lane, clock: number): 'shown' | 'late' | 'nothing' {
    const item = this.next(lane)
    if (item === undefined) return 'nothing'
    const { unit } = item
    if (lane.last !== undefined && unit.entry !== 'none') lane.dropsLeading = false
    if (unit.leading && lane.dropsLeading) {
      lane.movePast()
      return 'shown'
    }
    const due = unit.dts + lane.pictureOffset
    if (due > clock) return 'nothing'
    if (lane.last !== undefined && clock - this.#video.earliestDts(due) > LATE_TICKS) return 'late'
    const entered = lane.last === undefined && lane.dropsLeading
    const shown = entered && unit.entry === 'cra' ? afterEndOfSequence(unit) : unit
    this.#video.put(shown, lane.pictureOffset, lane.picture.frameTicks)
    lane.movePast()
    lane.last = item
    return 'shown'
  }
}

/** A decoder that is told that the sequence ended takes a CRA picture as the beginning of one (DESIGN.md, 3.3). */
const afterEndOfSequence = (unit: AccessUnit): AccessUnit => {
  const end = hevcEndOfSequence()
  const data = new Uint8Array(end.length + unit.data.length)
  data.set(end)
  data.set(unit.data, end.length)
  return { ...unit, data }
}
