import {
  asBrokenLink,
  endsSequence,
  type KeptLeadingPictures,
} from '../../codec/hevc-broken-link.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import type { OnAirSource } from './on-air-source.ts'
import type { BufferedUnit } from '../buffer/unit-queue.ts'
import type { VideoTrack } from './video-track.ts'

/** Pictures later than this against the clock would be behind the PCR: the source is spliced again behind a hole. */
export const MAX_LATE_TICKS = 200 * 90

/** Hands the pictures of the on-air source to the program's video track when they are due. */
export class VideoQueue {
  readonly #video: VideoTrack
  readonly #incompleteGroups: 'held_back' | 'shown'

  /** `incompleteGroups`: reorder groups not fully received; with latency 0 they are shown as they come. */
  constructor(video: VideoTrack, incompleteGroups: 'held_back' | 'shown') {
    this.#video = video
    this.#incompleteGroups = incompleteGroups
  }

  /** Next picture that may be shown, due or not. */
  nextUnit({ videoPlayable, next }: OnAirSource): BufferedUnit | undefined {
    const end = this.#incompleteGroups === 'shown' ? videoPlayable.videoEnd : videoPlayable.cleanEnd
    return next < end ? videoPlayable.video(next) : undefined
  }

  playNext(onAir: OnAirSource, clock: number): 'shown' | 'late' | 'nothing' {
    const item = this.nextUnit(onAir)
    if (item === undefined) return 'nothing'
    const { unit } = item
    if (onAir.last !== undefined && unit.rap !== 'none') onAir.dropsLeading = false
    if (unit.leading && onAir.dropsLeading) {
      onAir.advance()
      return 'shown'
    }
    const due = unit.dts + onAir.videoOffset
    if (due > clock) return 'nothing'
    if (onAir.last !== undefined && clock - this.#video.earliestDts(due) > MAX_LATE_TICKS)
      return 'late'
    this.#video.write(spliced(unit, onAir), onAir.videoOffset, onAir.videoPlayable.frameTicks)
    onAir.advance()
    onAir.last = item
    return 'shown'
  }
}

/**
 * Makes a broken link of an open HEVC GOP where a decoder cannot enter it as it is: behind a splice, and behind an end
 * of sequence in the source (docs/adr/0017-broken-links.md).
 */
const spliced = (unit: AccessUnit, { last, dropsLeading }: OnAirSource): AccessUnit => {
  if (unit.rap !== 'cra' && unit.rap !== 'bla') return unit
  if (last === undefined && dropsLeading) return brokenLink(unit, 'decodable')
  return last !== undefined && endsSequence(last.unit.data) ? brokenLink(unit, 'all') : unit
}

const brokenLink = (unit: AccessUnit, leading: KeptLeadingPictures): AccessUnit => ({
  ...unit,
  rap: 'bla',
  data: asBrokenLink(unit.data, leading),
})
