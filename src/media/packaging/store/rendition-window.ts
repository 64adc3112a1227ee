import type { Segment } from './segment-model.ts'

export interface WindowLimits {
  readonly segments: number
  /** Ticks, 90 kHz. */
  readonly duration: number
  /** Duration below which no segment leaves (RFC 8216bis, 6.2.2: three target durations). */
  readonly minTicks: number
  /** Number below which segments must leave for lack of room. */
  readonly floor: number
}

/** Listed segments of one rendition: whole ones and gaps, numbers contiguous. Immutable. */
export interface ListedSegments {
  readonly segments: readonly Segment[]
  /** Ticks. */
  readonly duration: number
}

export const NOTHING_LISTED: ListedSegments = { segments: [], duration: 0 }

/** Returns the list with one more segment, and the segments that leave it. */
export const listWith = (
  listed: ListedSegments,
  added: Segment,
  limits: WindowLimits,
): { readonly listed: ListedSegments; readonly left: readonly Segment[] } => {
  const { segments } = listed
  let duration = listed.duration + added.duration
  let leaving = 0
  for (const head of segments) {
    const rest = duration - head.duration
    const tooMany = segments.length + 1 - leaving > limits.segments && rest >= limits.duration
    if (rest < limits.minTicks || !(tooMany || head.number < limits.floor)) break
    duration = rest
    leaving++
  }
  const kept = segments.slice(leaving)
  kept.push(added)
  return { listed: { segments: kept, duration }, left: segments.slice(0, leaving) }
}

/** Drops the parts of segments further than `keep` ticks from the end. */
export const withoutOldParts = (listed: ListedSegments, keep: number): ListedSegments => {
  const segments = [...listed.segments]
  let fromEnd = 0
  let changed = false
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]!
    if (fromEnd >= keep) {
      // Older ones have none.
      if (segment.parts.length === 0) break
      segments[i] = { ...segment, parts: [] }
      changed = true
    }
    fromEnd += segment.duration
  }
  return changed ? { ...listed, segments } : listed
}

type WithDuration = Pick<Segment, 'duration'>

export const maxDurationOf = (segments: readonly WithDuration[]): number =>
  segments.reduce((longest, { duration }) => Math.max(longest, duration), 0)

export const totalDurationOf = (segments: readonly WithDuration[]): number =>
  segments.reduce((sum, { duration }) => sum + duration, 0)
