import {
  readMaster,
  readMedia,
  type Attributes,
  type ReadMedia,
  type ReadSegment,
} from './hls-reading.ts'

/**
 * Checks HLS by reading: RFC 8216bis (draft 22) and Apple's authoring rules. Findings are sentences; none means that no
 * check failed.
 */

/** Durations are written with five digits. */
const MAX_ROUNDING_SECONDS = 0.000_011
/** RFC 8216bis, 4.4.4.9: all parts but the last of a segment. */
const MIN_PART_SHARE = 0.85
/** Allowed difference between wall clock and duration over two segments. */
const MAX_DRIFT_MS = 500

/** One media playlist by itself. */
export const checkMediaPlaylist = (text: string): string[] => {
  const media = readMedia(text)
  return [
    ...media.faults,
    ...checkHead(media),
    ...checkDurations(media),
    ...checkDates(media),
    ...checkVersion(media),
    ...checkLowLatency(media),
  ]
}

function checkHead(media: ReadMedia): string[] {
  const findings: string[] = []
  if (!Number.isInteger(media.targetDuration) || media.targetDuration < 1) {
    findings.push('EXT-X-TARGETDURATION must be a whole number of seconds (4.4.3.1)')
  }
  for (const tag of ['EXT-X-MEDIA-SEQUENCE', 'EXT-X-DISCONTINUITY-SEQUENCE']) {
    if (!media.tags.includes(tag)) findings.push(`a live playlist needs ${tag} (6.2.2)`)
  }
  if (media.ended) findings.push('EXT-X-ENDLIST in a live playlist')
  if (media.tags.includes('EXT-X-PLAYLIST-TYPE')) {
    findings.push('EXT-X-PLAYLIST-TYPE in a live playlist (6.2.2)')
  }
  if (new Set(media.segments.map(({ uri }) => uri)).size !== media.segments.length) {
    findings.push('two segments have the same URI')
  }
  return findings
}

function checkDurations({ segments, targetDuration }: ReadMedia): string[] {
  const findings: string[] = []
  for (const { number, duration, parts, gap } of segments) {
    if (!(duration > 0)) findings.push(`segment ${number} lasts ${duration} s`)
    if (Math.round(duration) > targetDuration) {
      findings.push(
        `segment ${number} lasts ${duration} s, rounded above the target of ${targetDuration} s (4.4.3.1)`,
      )
    }
    if (parts.length === 0 || gap) continue
    const sum = parts.reduce((total, part) => total + part.duration, 0)
    if (Math.abs(sum - duration) > MAX_ROUNDING_SECONDS * (parts.length + 1)) {
      findings.push(`segment ${number} lasts ${duration} s, its parts ${sum.toFixed(5)} s`)
    }
  }
  return findings
}

function checkDates({ segments }: ReadMedia): string[] {
  const findings: string[] = []
  for (const [i, segment] of segments.entries()) {
    const { number, programDateTime, discontinuity } = segment
    if (programDateTime === undefined) {
      findings.push(`segment ${number} has no EXT-X-PROGRAM-DATE-TIME`)
      continue
    }
    const before = segments[i - 1]
    if (before?.programDateTime === undefined) continue
    const off = programDateTime - before.programDateTime - before.duration * 1_000
    // Dates must not become ambiguous (6.2.1); behind a discontinuity there may be a gap.
    if (off < -MAX_DRIFT_MS || (!discontinuity && off > MAX_DRIFT_MS)) {
      findings.push(
        `segment ${number} begins ${Math.round(off)} ms off the end of the one before it`,
      )
    }
  }
  return findings
}

/** Checks the version: RFC 8216bis, section 8, and "SHOULD NOT be greater than what is required" (6.2.1). */
function checkVersion({ version, skipped, tags }: ReadMedia): string[] {
  const needed = skipped > 0 ? 9 : tags.includes('EXT-X-MAP') ? 6 : 3
  return version === needed ? [] : [`EXT-X-VERSION is ${version}, what is used needs ${needed} (8)`]
}

function checkLowLatency(media: ReadMedia): string[] {
  const { partTarget, serverControl, targetDuration } = media
  const parts = media.segments.flatMap((segment) => segment.parts)
  if (partTarget === undefined) {
    return parts.length + media.openParts.length === 0 ? [] : ['parts without EXT-X-PART-INF']
  }
  const findings: string[] = []
  const control = (name: string): number => Number(serverControl?.get(name) ?? Number.NaN)
  if (serverControl?.get('CAN-BLOCK-RELOAD') !== 'YES') {
    findings.push('EXT-X-SERVER-CONTROL must say CAN-BLOCK-RELOAD=YES (appendix B)')
  }
  if (!(control('PART-HOLD-BACK') >= 3 * partTarget - MAX_ROUNDING_SECONDS)) {
    findings.push('PART-HOLD-BACK must be at least three part targets (Apple, 14.3)')
  }
  if (!(control('HOLD-BACK') >= 3 * targetDuration)) {
    findings.push('HOLD-BACK must be at least three target durations (4.4.3.8)')
  }
  if (serverControl?.has('CAN-SKIP-UNTIL') && !(control('CAN-SKIP-UNTIL') >= 6 * targetDuration)) {
    findings.push('CAN-SKIP-UNTIL must be at least six target durations (4.4.3.8)')
  }
  if (media.hints.length !== 1 || media.hints[0]!.get('TYPE') !== 'PART') {
    findings.push(
      `there are ${media.hints.length} preload hints, one for the next part is needed (appendix B)`,
    )
  }
  return [...findings, ...checkParts(media, partTarget), ...checkPartWindow(media)]
}

function checkParts({ segments, openParts }: ReadMedia, partTarget: number): string[] {
  const findings: string[] = []
  const groups = [
    ...segments.map(({ number, parts }) => ({ name: `segment ${number}`, parts, whole: true })),
  ]
  groups.push({ name: 'the open segment', parts: openParts, whole: false })
  for (const { name, parts, whole } of groups) {
    for (const [i, { duration }] of parts.entries()) {
      if (duration > partTarget + MAX_ROUNDING_SECONDS) {
        findings.push(
          `part ${i} of ${name} lasts ${duration} s, above the part target of ${partTarget} s`,
        )
      }
      const last = whole && i === parts.length - 1
      if (!last && duration < MIN_PART_SHARE * partTarget - MAX_ROUNDING_SECONDS) {
        findings.push(
          `part ${i} of ${name} lasts ${duration} s, less than 85 % of ${partTarget} s (4.4.4.9)`,
        )
      }
    }
  }
  return findings
}

/** Parts are at the end of the playlist, for about three target durations (6.2.2). */
function checkPartWindow({ segments, targetDuration }: ReadMedia): string[] {
  const findings: string[] = []
  let fromEnd = 0
  for (const { number, duration, parts } of segments.toReversed()) {
    if (fromEnd > 3 * targetDuration + MAX_ROUNDING_SECONDS && parts.length > 0) {
      findings.push(`segment ${number} lists parts, ${fromEnd.toFixed(1)} s from the end (6.2.2)`)
    }
    fromEnd += duration
  }
  return findings
}

/** Checks successive snapshots of one live playlist, across restarts of the server too. */
export const checkSnapshots = (texts: readonly string[]): string[] => {
  const findings: string[] = []
  for (let i = 1; i < texts.length; i++) {
    findings.push(...checkStep(readMedia(texts[i - 1]!), readMedia(texts[i]!)))
  }
  return findings
}

function checkStep(before: ReadMedia, after: ReadMedia): string[] {
  const findings: string[] = []
  const at = `at media sequence ${after.mediaSequence}`
  if (after.targetDuration !== before.targetDuration) {
    findings.push(`${at}: the target duration changed (6.2.1)`)
  }
  if (after.mediaSequence < before.mediaSequence) {
    findings.push(
      `the media sequence went back from ${before.mediaSequence} to ${after.mediaSequence} (6.2.2)`,
    )
  }
  if (after.discontinuitySequence < before.discontinuitySequence) {
    findings.push(
      `${at}: the discontinuity sequence went back from ${before.discontinuitySequence} to ${after.discontinuitySequence} (6.2.2)`,
    )
  }
  const last = before.segments.at(-1)?.number ?? -1
  const lastAfter = after.segments.at(-1)?.number ?? -1
  if (lastAfter < last) findings.push(`segment ${last} was taken back`)
  for (const was of before.segments) {
    const now = after.segments.find(({ number }) => number === was.number)
    if (now !== undefined) findings.push(...checkUnchanged(was, now))
  }
  return [...findings, ...checkRemoval(before, after), ...checkPartsKept(before, after)]
}

function checkUnchanged(was: ReadSegment, now: ReadSegment): string[] {
  const fields = [
    'uri',
    'duration',
    'discontinuity',
    'discontinuitySequence',
    'gap',
    'map',
    'programDateTime',
  ] as const
  return fields
    .filter((field) => was[field] !== now[field])
    .map(
      (field) =>
        `segment ${was.number}: ${field} changed from ${was[field]} to ${now[field]} (6.2.1)`,
    )
}

/** Each removed segment raises the sequence by one; no removal may leave less than three target durations. */
function checkRemoval(before: ReadMedia, after: ReadMedia): string[] {
  const removed = after.mediaSequence > before.mediaSequence
  const duration = after.segments.reduce((sum, segment) => sum + segment.duration, 0)
  const contiguous = after.mediaSequence <= (before.segments.at(-1)?.number ?? 0) + 1
  if (
    removed &&
    contiguous &&
    after.skipped === 0 &&
    duration < 3 * after.targetDuration - MAX_ROUNDING_SECONDS
  ) {
    return [
      `segments left, and the playlist lasts ${duration.toFixed(3)} s: less than three target durations (6.2.2)`,
    ]
  }
  return []
}

/** Parts listed for an open segment must remain in the finished segment. */
function checkPartsKept(before: ReadMedia, after: ReadMedia): string[] {
  if (before.openParts.length === 0) return []
  const number = (before.segments.at(-1)?.number ?? before.mediaSequence - 1) + 1
  const closed = after.segments.find((segment) => segment.number === number)
  const parts =
    closed?.parts ?? (after.segments.at(-1)?.number === number - 1 ? after.openParts : undefined)
  if (parts === undefined || parts.length === 0) return []
  return before.openParts.flatMap((part, i) =>
    parts[i]?.uri === part.uri && parts[i].duration === part.duration
      ? []
      : [`part ${i} of segment ${number} changed (6.2.1)`],
  )
}

/** A delta update must equal the full playlist except for the skipped part. */
export const checkDelta = (full: string, delta: string): string[] => {
  const [all, part] = [readMedia(full), readMedia(delta)]
  const findings: string[] = [...part.faults, ...checkVersion(part)]
  const kept = all.segments.slice(part.skipped)
  if (kept.length !== part.segments.length)
    findings.push('the delta update has not the segments of the playlist')
  for (const [i, segment] of part.segments.entries()) {
    const { uri, duration, programDateTime } = kept[i] ?? {}
    if (
      segment.uri !== uri ||
      segment.duration !== duration ||
      segment.programDateTime !== programDateTime
    ) {
      findings.push(`segment ${segment.number} of the delta update is another than in the playlist`)
    }
  }
  const until = Number(all.serverControl?.get('CAN-SKIP-UNTIL'))
  const rest = part.segments.reduce((sum, segment) => sum + segment.duration, 0)
  if (part.skipped > 0 && rest < until - MAX_ROUNDING_SECONDS) {
    findings.push(
      `the delta update skips within CAN-SKIP-UNTIL: it has ${rest.toFixed(3)} s of ${until} s (6.2.5.1)`,
    )
  }
  return findings
}

const CODEC =
  /^(?:avc[13]\.[0-9A-Fa-f]{6}|hvc1\.[A-C]?\d+\.[0-9A-F]+\.[LH]\d+(?:\.[0-9A-F]+)*|hev1\..+|mp4v\.61|mp4a\.40\.\d+|mp4a\.(?:69|6B|6b)|mp4a\.40\.34|ac-3|ec-3|opus|Opus)$/

/** A multivariant playlist, with the media playlists it names where they are given. */
export const checkMasterPlaylist = (
  text: string,
  media: ReadonlyMap<string, string> = new Map(),
): string[] => {
  const master = readMaster(text)
  const findings: string[] = []
  if (!text.startsWith('#EXTM3U\n')) findings.push('the first line must be #EXTM3U')
  if (master.variants.length === 0) findings.push('there is no variant')
  const groups = new Set(master.media.map((each) => each.get('GROUP-ID')))
  for (const { uri, attributes } of master.variants)
    findings.push(...checkVariant(uri, attributes, groups))
  for (const group of groups) {
    const members = master.media.filter((each) => each.get('GROUP-ID') === group)
    if (members.filter((each) => each.get('DEFAULT') === 'YES').length > 1) {
      findings.push(`audio group ${group} has two defaults (4.4.6.1)`)
    }
    const names = members.map((each) => each.get('NAME'))
    if (new Set(names).size !== names.length || names.includes(undefined)) {
      findings.push(`the members of audio group ${group} need names of their own (4.4.6.1)`)
    }
  }
  return [...findings, ...checkTogether(media)]
}

function checkVariant(
  uri: string,
  attributes: Attributes,
  groups: ReadonlySet<string | undefined>,
): string[] {
  const findings: string[] = []
  const bandwidth = Number(attributes.get('BANDWIDTH'))
  const average = Number(attributes.get('AVERAGE-BANDWIDTH'))
  if (!Number.isInteger(bandwidth) || bandwidth <= 0)
    findings.push(`${uri} needs BANDWIDTH (4.4.6.2)`)
  if (!(average > 0 && average <= bandwidth)) {
    findings.push(
      `${uri}: AVERAGE-BANDWIDTH ${average} must be above 0 and not above BANDWIDTH ${bandwidth} (Apple, 9.14)`,
    )
  }
  const codecs = attributes.get('CODECS')?.split(',') ?? []
  if (codecs.length === 0) findings.push(`${uri} needs CODECS (Apple, 9.2)`)
  for (const codec of codecs) {
    if (!CODEC.test(codec)) findings.push(`${uri}: codec ${codec} cannot be read (RFC 6381)`)
  }
  const video = codecs.some((codec) => /^(?:avc|hvc|hev)/.test(codec))
  for (const name of ['RESOLUTION', 'FRAME-RATE']) {
    if (video !== attributes.has(name)) {
      findings.push(
        `${uri} ${video ? `needs ${name} (Apple, 9.15 and 9.16)` : `has no pictures, but ${name}`}`,
      )
    }
  }
  if (attributes.has('RESOLUTION') && !/^\d+x\d+$/.test(attributes.get('RESOLUTION')!)) {
    findings.push(`${uri}: RESOLUTION ${attributes.get('RESOLUTION')} cannot be read`)
  }
  const audio = attributes.get('AUDIO')
  if (audio !== undefined && !groups.has(audio))
    findings.push(`${uri}: there is no audio group ${audio}`)
  return findings
}

/** Checks the agreement of the playlists of one presentation (RFC 8216bis, 6.2.4). */
function checkTogether(media: ReadonlyMap<string, string>): string[] {
  const findings: string[] = []
  const all = [...media].map(([uri, text]) => ({ uri, media: readMedia(text) }))
  const [first, ...others] = all
  if (first === undefined) return findings
  for (const { uri, media: other } of others) {
    if (other.targetDuration !== first.media.targetDuration) {
      findings.push(`${uri} has another target duration than ${first.uri} (6.2.4)`)
    }
    for (const segment of other.segments) {
      const same = first.media.segments.find(({ number }) => number === segment.number)
      if (same === undefined) continue
      if (same.discontinuitySequence !== segment.discontinuitySequence) {
        findings.push(
          `segment ${segment.number} of ${uri} has discontinuity sequence ${segment.discontinuitySequence}, of ${first.uri} ${same.discontinuitySequence} (6.2.4)`,
        )
      }
      if (Math.abs((same.programDateTime ?? 0) - (segment.programDateTime ?? 0)) > MAX_DRIFT_MS) {
        findings.push(
          `segment ${segment.number} of ${uri} and of ${first.uri} have unlike dates (6.2.4)`,
        )
      }
    }
  }
  return findings
}

/** With EXT-X-INDEPENDENT-SEGMENTS, each segment must begin with a random access point. */
export const checkIndependence = async (
  text: string,
  fetchBytes: (uri: string) => Promise<Uint8Array>,
  beginsAtRandomAccess: (
    segment: Uint8Array,
    init: Uint8Array | undefined,
  ) => Promise<boolean> | boolean,
): Promise<string[]> => {
  const { independent, segments } = readMedia(text)
  if (!independent) return []
  const findings: string[] = []
  for (const { uri, map, gap } of segments) {
    if (gap) continue
    const init = map === undefined ? undefined : await fetchBytes(map)
    if (!(await beginsAtRandomAccess(await fetchBytes(uri), init))) {
      findings.push(
        `${uri} does not begin with a random access point, but EXT-X-INDEPENDENT-SEGMENTS is claimed (4.4.2.1)`,
      )
    }
  }
  return findings
}
