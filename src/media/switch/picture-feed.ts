import { asBrokenLink, endsSequence, type LeadingKept } from '../../codec/hevc-broken-link.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { Lane } from './lane.ts'
import type { BufferedUnit } from '../buffer/unit-queue.ts'
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
    this.#video.put(spliced(unit, lane), lane.pictureOffset, lane.picture.frameTicks)
    lane.movePast()
    lane.last = item
    return 'shown'
  }
}

/**
 * An open GOP of HEVC that a decoder cannot enter in midstream as it is: behind a splice, and where the source itself ends
 * a sequence (docs/adr/0017-broken-links.md).
 */
const spliced = (unit: AccessUnit, { last, dropsLeading }: Lane): AccessUnit => {
  if (unit.entry !== 'cra' && unit.entry !== 'bla') return unit
  if (last === undefined && dropsLeading) return brokenLink(unit, 'decodable')
  return last !== undefined && endsSequence(last.unit.data) ? brokenLink(unit, 'all') : unit
}

const brokenLink = (unit: AccessUnit, leading: LeadingKept): AccessUnit => ({
  ...unit,
  entry: 'bla',
  data: asBrokenLink(unit.data, leading),
})
