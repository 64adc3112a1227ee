import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import { partFile } from '../store/file-names.ts'
import type { Segment } from '../store/segment-model.ts'

export interface RenditionReport {
  /** Relative to this playlist. */
  readonly uri: string
  readonly lastNumber: number
  readonly lastPart: number
}

export interface LowLatency {
  /** Seconds. */
  readonly partTarget: number
  /** The other renditions. */
  readonly reports: readonly RenditionReport[]
}

export interface MediaPlaylistInput {
  /** Segments in order, numbers contiguous; an open one last. */
  readonly segments: readonly Segment[]
  /** EXT-X-DISCONTINUITY-SEQUENCE. */
  readonly discontinuitySequence: number
  /** Whole seconds; never changes. */
  readonly targetSeconds: number
  /** EXT-X-START, seconds: from the start, or from the end when negative. */
  readonly startOffset?: number | undefined
  readonly lowLatency?: LowLatency | undefined
  /** Older segments are replaced by EXT-X-SKIP (`_HLS_skip=YES`); needs `lowLatency`. */
  readonly skip?: boolean
  /** Lines of segments that do not change, cached from one rendering to the next. */
  readonly lines?: WeakMap<Segment, string>
}

/** RFC 8216bis, section 8. */
const VERSION_FLOAT_DURATIONS = 3
const VERSION_MAP = 6
const VERSION_SKIP = 9
/** RFC 8216bis, 4.4.3.8: at least six target durations. */
const SKIP_TARGETS = 6
/** RFC 8216bis, 4.4.3.8: at least three target durations. */
const HOLD_BACK_TARGETS = 3
/** RFC 8216bis, 4.4.3.8: at least twice the part target, three times recommended. */
const PART_HOLD_BACK_TARGETS = 3
/** RFC 8216bis, 6.2.2. */
const PART_TARGETS = 3
const DECIMALS = 5

/** A live media playlist (RFC 8216bis, 4.4): no EXT-X-ENDLIST, ever. */
export const renderMediaPlaylist = (input: MediaPlaylistInput): string => {
  const { segments, lowLatency } = input
  const skipped = skippedSegments(input)
  const lines = headLines(input, skipped)
  // The distance of each segment's end from the playlist's end is only needed where parts are listed.
  const withParts = lowLatency === undefined ? segments.length : firstWithParts(input)
  for (let i = skipped; i < segments.length; i++) {
    const segment = segments[i]!
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY')
    const before = i === 0 ? undefined : segments[i - 1]!.init
    if (segment.init !== undefined && segment.init !== before) {
      lines.push(`#EXT-X-MAP:URI="${segment.init}"`)
    }
    lines.push(i >= withParts ? bodyOf(segment, true) : cachedBody(segment, input.lines))
  }
  if (lowLatency !== undefined) lines.push(...tailLines(segments, lowLatency))
  lines.push('')
  return lines.join('\n')
}

function headLines(input: MediaPlaylistInput, skipped: number): string[] {
  const { segments, targetSeconds, startOffset, lowLatency } = input
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${versionOf(segments, skipped)}`,
    `#EXT-X-TARGETDURATION:${targetSeconds}`,
    `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.number ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${input.discontinuitySequence}`,
  ]
  if (segments.every(({ independent, state }) => independent || state === 'gap')) {
    lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  }
  if (startOffset !== undefined) lines.push(`#EXT-X-START:TIME-OFFSET=${decimals(startOffset)}`)
  if (lowLatency !== undefined) {
    const { partTarget } = lowLatency
    lines.push(
      `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${decimals(SKIP_TARGETS * targetSeconds)},` +
        `HOLD-BACK=${decimals(HOLD_BACK_TARGETS * targetSeconds)},` +
        `PART-HOLD-BACK=${decimals(PART_HOLD_BACK_TARGETS * partTarget)}`,
      `#EXT-X-PART-INF:PART-TARGET=${decimals(partTarget)}`,
    )
  }
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`)
  return lines
}

/** EXT-X-VERSION, not greater than required (RFC 8216bis, 6.2.1). */
const versionOf = (segments: readonly Segment[], skipped: number): number => {
  if (skipped > 0) return VERSION_SKIP
  return segments.some(({ init }) => init !== undefined) ? VERSION_MAP : VERSION_FLOAT_DURATIONS
}

/** Number of segments further from the end of the last whole one than the skip boundary (RFC 8216bis, 6.2.5.1). */
const skippedSegments = ({
  segments,
  targetSeconds,
  lowLatency,
  skip,
}: MediaPlaylistInput): number => {
  if (skip !== true || lowLatency === undefined) return 0
  const boundary = SKIP_TARGETS * targetSeconds * TICKS_PER_SECOND
  let fromEnd = 0
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]!
    if (segment.state === 'open') continue
    if (fromEnd >= boundary) return i + 1
    fromEnd += segment.duration
  }
  return 0
}

const firstWithParts = ({ segments, targetSeconds }: MediaPlaylistInput): number => {
  const limit = PART_TARGETS * targetSeconds * TICKS_PER_SECOND
  let fromEnd = 0
  let first = segments.length
  while (first > 0 && fromEnd < limit) {
    first--
    fromEnd += segments[first]!.duration
  }
  return first
}

function cachedBody(segment: Segment, kept: WeakMap<Segment, string> | undefined): string {
  const known = kept?.get(segment)
  if (known !== undefined) return known
  const body = bodyOf(segment, false)
  kept?.set(segment, body)
  return body
}

function bodyOf(segment: Segment, withParts: boolean): string {
  const lines = [`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.wallMs).toISOString()}`]
  if (withParts) {
    for (const [i, part] of segment.parts.entries()) {
      lines.push(
        `#EXT-X-PART:DURATION=${seconds(part.duration)},URI="${partFile(segment.file, i)}"` +
          (part.independent ? ',INDEPENDENT=YES' : ''),
      )
    }
  }
  if (segment.state === 'gap') lines.push('#EXT-X-GAP')
  if (segment.state !== 'open') lines.push(`#EXTINF:${seconds(segment.duration)},`, segment.file)
  return lines.join('\n')
}

function tailLines(segments: readonly Segment[], { reports }: LowLatency): string[] {
  const hint = hintedPart(segments)
  return [
    ...(hint === undefined ? [] : [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`]),
    ...reports.map(
      ({ uri, lastNumber, lastPart }) =>
        `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastNumber},LAST-PART=${lastPart}`,
    ),
  ]
}

/** File name of the next part: of the open segment, or the first of the following one. */
export const hintedPart = (segments: readonly Segment[]): string | undefined => {
  const last = segments.at(-1)
  if (last === undefined) return undefined
  if (last.state === 'open') return partFile(last.file, last.parts.length)
  const dot = last.file.lastIndexOf('.')
  return partFile(`${last.number + 1}${last.file.slice(dot)}`, 0)
}

const seconds = (ticks: number): string => (ticks / TICKS_PER_SECOND).toFixed(DECIMALS)
const decimals = (value: number): string => String(Number(value.toFixed(DECIMALS)))
