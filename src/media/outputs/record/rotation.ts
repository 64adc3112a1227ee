import { TICKS_PER_SECOND } from '../../../contract/time.ts'

export interface RotationLimits {
  readonly seconds: number
  /** Undefined: no limit. */
  readonly bytes: number | undefined
}

/** A file at a place where the next one may begin. */
export interface FileProgress {
  /** Media in it, ticks. */
  readonly ticks: number
  readonly bytes: number
  /** Its largest group: about what the next one may take. */
  readonly groupBytes: number
}

/** Times are rounded to whole ticks where they are written. */
const TOLERANCE_TICKS = 2
/** A quota below four files would leave nothing to keep. */
const FILES_IN_QUOTA = 4

/**
 * Why the next file begins here. Size looks one group ahead, so that no file exceeds the limit unless its last group is
 * its largest, or a single group is above it.
 */
export const rotationCause = (
  file: FileProgress,
  limits: RotationLimits,
): 'time' | 'size' | undefined => {
  if (file.ticks >= limits.seconds * TICKS_PER_SECOND - TOLERANCE_TICKS) return 'time'
  const { bytes } = limits
  return bytes !== undefined && file.bytes + file.groupBytes > bytes ? 'size' : undefined
}

/** The file that is being written is never deleted: so it takes a quarter of the quota at most. */
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

/** What goes so that the rest keeps within the quota: the oldest first, never what is being written. */
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
