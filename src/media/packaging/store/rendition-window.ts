import type { Segment } from './segment-model.ts'

export interface WindowLimits {
  readonly segments: number
  /** Ticks, 90 kHz. */
  readonly duration: number
  /** Below it no segment leaves (RFC 8216bis, 6.2.2: three target durations). */
  readonly minTicks: number
  /** Segments below this number must go, for want of room. */
  readonly floor: number
}

/** What is listed of one rendition: whole segments and gaps, numbers contiguous. Never changes: a change makes another. */
export interface ListedSegments {
  readonly segments: readonly Segment[]
  /** Ticks. */
  readonly duration: number
}

export const NOTHING_LISTED: ListedSegments = { segments: [], duration: 0 }

/** The list with one more segment, and what leaves it for that. */
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

/** Parts are kept for the newest segments only: how many ticks from the end. */
export const withoutOldParts = (listed: ListedSegments, keep: number): ListedSegments => {
  const segments = [...listed.segments]
  let fromEnd = 0
  let changed = false
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]!
    if (fromEnd >= keep) {
      // Older ones lost theirs before.
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
