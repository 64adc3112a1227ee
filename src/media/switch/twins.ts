import { createHash } from 'node:crypto'
import type { TimelineSegment } from '../buffer/timeline-segment.ts'

/** This many consecutive pictures with equal hashes make two sources identical (DESIGN.md, section 5). */
const MIN_EQUAL_PICTURES = 10
/** Number of newest pictures compared. */
const MAX_COMPARED_PICTURES = 120
const WRAP_TICKS = 2 ** 33

export type Twins =
  /** `delta`: time of the first source minus time of the second, constant. */
  | { readonly kind: 'identical'; readonly delta: number }
  | { readonly kind: 'aligned'; readonly delta: number }
  | { readonly kind: 'no'; readonly why: 'timelines_differ' | 'too_far_apart' }

interface Picture {
  readonly pts: number
  readonly hash: string
}

const hashOf = (data: Uint8Array): string => createHash('sha1').update(data).digest('base64')

const newestPictures = (segment: TimelineSegment): Picture[] => {
  const pictures: Picture[] = []
  const from = Math.max(segment.videoStart(), segment.videoEnd - MAX_COMPARED_PICTURES)
  for (let i = from; i < segment.videoEnd; i++) {
    const unit = segment.video(i)?.unit
    if (unit !== undefined) pictures.push({ pts: unit.pts, hash: hashOf(unit.data) })
  }
  return pictures
}

/** Compares the encoder timelines of two sources: by content, else by random access points at equal times. */
export function compareTwins(first: TimelineSegment, second: TimelineSegment): Twins {
  const a = newestPictures(first)
  const b = newestPictures(second)
  const delta = identicalAt(a, b)
  if (delta !== undefined) return { kind: 'identical', delta }
  return alignedAt(first, second, a, b)
}

function identicalAt(a: readonly Picture[], b: readonly Picture[]): number | undefined {
  const byHash = new Map<string, number[]>()
  b.forEach((picture, index) => {
    byHash.set(picture.hash, [...(byHash.get(picture.hash) ?? []), index])
  })
  for (let i = 0; i + MIN_EQUAL_PICTURES <= a.length; i++) {
    for (const j of byHash.get(a[i]!.hash) ?? []) {
      const delta = a[i]!.pts - b[j]!.pts
      if (runsEqual(a.slice(i, i + MIN_EQUAL_PICTURES), b.slice(j, j + MIN_EQUAL_PICTURES), delta))
        return delta
    }
  }
  return undefined
}

const runsEqual = (a: readonly Picture[], b: readonly Picture[], delta: number): boolean =>
  a.length === b.length &&
  a.every((picture, k) => picture.hash === b[k]!.hash && picture.pts - b[k]!.pts === delta)

/** Aligned twins share the clock: their times and random access points are equal modulo 2^33. */
function alignedAt(
  first: TimelineSegment,
  second: TimelineSegment,
  a: readonly Picture[],
  b: readonly Picture[],
): Twins {
  if (a.length === 0 || b.length === 0) return { kind: 'no', why: 'timelines_differ' }
  const delta = Math.round((a.at(-1)!.pts - b.at(-1)!.pts) / WRAP_TICKS) * WRAP_TICKS
  const times = new Set(a.map((picture) => picture.pts - delta))
  const shared = b.filter((picture) => times.has(picture.pts)).length
  if (shared === 0) {
    const apart = Math.abs(a.at(-1)!.pts - delta - b.at(-1)!.pts)
    return { kind: 'no', why: apart > 12 * 90_000 ? 'timelines_differ' : 'too_far_apart' }
  }
  const raps = new Set(rapTimes(first).map((pts) => pts - delta))
  const common = rapTimes(second).filter((pts) => raps.has(pts)).length
  const enough = shared >= MIN_EQUAL_PICTURES && common > 0
  return enough ? { kind: 'aligned', delta } : { kind: 'no', why: 'timelines_differ' }
}

const rapTimes = (segment: TimelineSegment): number[] =>
  segment.rapIndices().flatMap((index) => segment.video(index)?.unit.pts ?? [])
