import { TICKS_PER_SECOND } from '../../../contract/time.ts'

export interface RotationLimits {
  readonly seconds: number
  /** Undefined: no limit. */
  readonly bytes: number | undefined
}

/** A file at a place where the next one may start. */
export interface FileProgress {
  /** Duration of its media, ticks. */
  readonly ticks: number
  readonly bytes: number
  /** Its largest group: an estimate of the next one. */
  readonly groupBytes: number
}

/** Times are rounded to whole ticks where they are written. */
const TOLERANCE_TICKS = 2
/** A quota below four files would keep nothing. */
const FILES_IN_QUOTA = 4

/**
 * Reason to start the next file here. Size includes one more group, so that no file exceeds the limit unless its last
 * group is its largest, or a single group is above it.
 */
export const rotationCause = (
  file: FileProgress,
  limits: RotationLimits,
): 'time' | 'size' | undefined => {
  if (file.ticks >= limits.seconds * TICKS_PER_SECOND - TOLERANCE_TICKS) return 'time'
  const { bytes } = limits
  return bytes !== undefined && file.bytes + file.groupBytes > bytes ? 'size' : undefined
}

/** The open file is never deleted: so it takes at most a quarter of the quota. */
export const maxFileBytes = (
  rotateBytes: number | undefined,
  quotaBytes: number | undefined,
): number | undefined => {
  if (quotaBytes === undefined) return rotateBytes
  return Math.min(rotateBytes ?? Number.POSITIVE_INFINITY, quotaBytes / FILES_IN_QUOTA)
}

export interface QuotaFile {
  readonly name: string
  readonly number: number
  readonly bytes: number
  readonly state: 'recording' | 'finished'
}

/** Recordings to delete so that the rest fits the quota: the oldest first, never the open one. */
export const recordingsOverQuota = (
  recordings: readonly QuotaFile[],
  quotaBytes: number,
): string[] => {
  let total = recordings.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total <= quotaBytes) return []
  const oldestFirst = recordings
    .filter(({ state }) => state === 'finished')
    .toSorted((a, b) => a.number - b.number)
  const gone: string[] = []
  for (const { name, bytes } of oldestFirst) {
    if (total <= quotaBytes) break
    total -= bytes
    gone.push(name)
  }
  return gone
}
