import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import { element } from './xml.ts'
import type { MpdRepresentation, MpdSegment } from './mpd-model.ts'

/**
 * Distance between a segment's end and the next one's start up to which they are listed as adjoining: rounding, and a
 * last frame of inexact duration. Players look for the next segment 10 ms behind the end of the last.
 */
const MAX_SEAM_TICKS = 9000

/** Program time (ticks) in a timescale, as it is written in the segments. */
export const inTimescale = (programTicks: number, timescale: number): number =>
  Math.round((programTicks * timescale) / TICKS_PER_SECOND)

interface SegmentRun {
  readonly t: number
  readonly d: number
  repeats: number
}

/** SegmentTimeline (ISO/IEC 23009-1, 5.3.9.6): equal durations in a row are written once. */
export function segmentTimeline(representation: MpdRepresentation): string {
  const runs: SegmentRun[] = []
  let end = Number.NaN
  for (const { t, d } of timesOf(representation)) {
    const last = runs.at(-1)
    if (last !== undefined && last.d === d && t === end) last.repeats++
    else runs.push({ t, d, repeats: 0 })
    end = t + d
  }
  let previous: SegmentRun | undefined
  const written = runs.map((run) => {
    const { t, d, repeats } = run
    const follows = previous !== undefined && previous.t + previous.d * (previous.repeats + 1) === t
    previous = run
    return element('S', {
      t: follows ? undefined : t,
      d,
      r: repeats === 0 ? undefined : repeats,
    })
  })
  return element('SegmentTimeline', {}, ...written)
}

function timesOf({ id, segments, timescale }: MpdRepresentation): { t: number; d: number }[] {
  return segments.map((segment, i) => {
    const t = inTimescale(segment.start, timescale)
    const end = inTimescale(segment.start + segment.duration, timescale)
    const next = segments[i + 1]
    if (next === undefined) return { t, d: end - t }
    refuseHole(id, segment, next)
    const nextStart = inTimescale(next.start, timescale)
    return { t, d: (adjoins(segment, next) ? nextStart : end) - t }
  })
}

/** True if the segment ends where the other starts, but for a seam that players do not see. */
export const adjoins = (
  { start, duration }: Omit<MpdSegment, 'number'>,
  next: { readonly start: number },
): boolean => Math.abs(next.start - start - duration) <= MAX_SEAM_TICKS

/** Players count segments from startNumber on: behind a missing number every URL would be wrong. */
function refuseHole(id: string, { number }: MpdSegment, next: MpdSegment): void {
  if (next.number === number + 1) return
  throw new RangeError(
    `segment ${next.number} of representation ${id} follows ${number}: a hole needs a new period`,
  )
}
