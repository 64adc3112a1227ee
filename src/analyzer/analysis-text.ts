/** The analysis report as text. */
import type { AudioFormat, VideoFormat } from '../contract/format.ts'
import {
  NOT_MEASURABLE,
  type AnalysisReport,
  type AudioReport,
  type Measured,
  type PidReport,
  type ProgramReport,
  type Range,
  type TableReport,
  type TrackReport,
  type VideoReport,
  type Violation,
} from './analysis-report.ts'

export const formatReport = (report: AnalysisReport): string =>
  [
    ...summary(report),
    ...report.programs.flatMap(programLines),
    'PIDs',
    ...report.pids.map(pidLine),
    ...violationLines(report),
    '',
  ].join('\n')

const summary = (r: AnalysisReport): string[] => [
  `Transport stream: ${r.packets} packets, ${seconds(r.durationMs)}, ${bits(r.bitrate)}`,
  line(
    'sync losses',
    r.syncLosses,
    'sync byte errors',
    r.syncByteErrors,
    'skipped bytes',
    r.skippedBytes,
  ),
  line('continuity errors', r.continuityErrors, 'duplicates', r.duplicates),
  line('transport errors', r.transportErrors, 'CRC errors', r.crcErrors),
  line('scrambled', r.scrambledPackets, 'null', r.nullPackets),
  line('signalled discontinuities', r.signalledDiscontinuities),
  `  PAT ${table(r.pat)}`,
  `  SDT ${table(r.sdt)}`,
]

const programLines = (p: ProgramReport): string[] => [
  `Program ${p.number}${p.serviceName === undefined ? '' : ` "${p.serviceName}"`}`,
  `  PMT on PID ${p.pmtPid}: ${table(p.pmt)}`,
  `  PCR on PID ${p.pcr.pid}: ${p.pcr.count}, at most ${ms(p.pcr.maxIntervalMs)} apart`,
  `    accuracy ${unit(p.pcr.accuracyNs, 'ns')}, arrival jitter ${ms(p.pcr.arrivalJitterMs)}, drift ${unit(p.pcr.arrivalDriftPpm, 'ppm')}`,
  `  audio offset ${ms(p.audioOffsetMs)}, interleave skew ${range(p.interleaveSkewMs)}`,
  ...p.tracks.flatMap(trackLines),
]

const trackLines = (t: TrackReport): string[] => [
  `  PID ${t.pid}: ${t.kind} ${t.codec}${t.language === undefined ? '' : ` (${t.language})`}, ${seconds(t.durationMs)}`,
  ...(t.kind === 'other'
    ? []
    : [
        `    DTS - PCR ${range(t.dtsMinusPcrMs)}, PTS - PCR ${range(t.ptsMinusPcrMs)}`,
        `    DTS at least ${ms(t.minDtsStepMs)} apart, PTS at most ${ms(t.maxPtsIntervalMs)}`,
      ]),
  ...(t.video === undefined ? [] : videoLines(t.video)),
  ...(t.audio === undefined ? [] : audioLines(t.audio)),
]

const videoLines = (v: VideoReport): string[] => {
  const longest = v.longestStep === NOT_MEASURABLE ? NOT_MEASURABLE : `${v.longestStep.ms} ms`
  return [
    `    ${videoFormatText(v.format)}`,
    `    ${v.pictures} pictures of ${ms(v.medianFrameMs)}, longest step ${longest}, gaps ${v.gaps}`,
    `    ${v.randomAccessPoints} random access points, ${range(v.randomAccessIntervalMs)} apart`,
  ]
}

const audioLines = (a: AudioReport): string[] => [
  `    ${audioFormatText(a.format)}`,
  `    ${a.frames} frames of ${ms(a.frameMs)}, holes ${a.holes}, overlaps ${a.overlaps}, stray bytes ${a.strayBytes}`,
]

const pidLine = (p: PidReport): string => {
  const errorText = p.continuityErrors > 0 ? `, continuity errors ${p.continuityErrors}` : ''
  const pid = String(p.pid).padStart(6)
  return `${pid}  ${p.what}: ${p.packets} packets, ${bits(p.bitrate)}${errorText}`
}

const violationLines = (r: AnalysisReport): string[] => {
  const rules = r.rules === 'program' ? "Sluice's program" : 'ETSI TR 101 290 and ISO/IEC 13818-1'
  if (r.violations.length === 0) return [`No violations (rules: ${rules})`]
  const head = `${r.errors} errors, ${r.warnings} warnings (rules: ${rules})`
  return [head, ...r.violations.map(violationLine)]
}

const violationLine = (v: Violation): string =>
  `  ${v.severity.padEnd(7)} ${v.standard ?? v.code}: ${v.sentence}`

const videoFormatText = (format: Measured<VideoFormat>): string => {
  if (format === NOT_MEASURABLE) return `format ${NOT_MEASURABLE}`
  const { codec, profile, width, height, scan, frameRate } = format
  const rate = frameRate === undefined ? '' : ` ${frameRate.num}/${frameRate.den} Hz`
  return `${codec} ${profile} ${width}x${height} ${scan}${rate}`
}

const audioFormatText = (format: Measured<AudioFormat>): string => {
  if (format === NOT_MEASURABLE) return `format ${NOT_MEASURABLE}`
  return `${format.codec} ${format.profile} ${format.sampleRate} Hz, ${format.channels} channels`
}

const table = (t: TableReport): string =>
  t.sections === 0
    ? 'none'
    : `${t.sections} sections, at most ${ms(t.maxIntervalMs)} apart, version ${t.version}, ${t.versionChanges} changes`

const unit = (value: Measured, name: string): string =>
  value === NOT_MEASURABLE ? value : `${value} ${name}`

const ms = (value: Measured): string => unit(value, 'ms')

const seconds = (value: Measured): string =>
  value === NOT_MEASURABLE ? `duration ${value}` : `${(value / 1000).toFixed(3)} s`

const bits = (value: Measured): string =>
  value === NOT_MEASURABLE ? `bitrate ${value}` : `${(value / 1000).toFixed(1)} kbit/s`

const range = (value: Measured<Range>): string =>
  value === NOT_MEASURABLE ? value : `${value.min} to ${value.max} ms`

const line = (...pairs: readonly (string | number)[]): string => {
  const texts: string[] = []
  for (let i = 0; i < pairs.length; i += 2) texts.push(`${pairs[i]} ${pairs[i + 1]}`)
  return `  ${texts.join(', ')}`
}
