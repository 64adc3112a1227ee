import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import type { Segment } from '../store/segment-model.ts'

export interface MasterVariant {
  /** Relative to the master playlist: `stream_0/playlist.m3u8`. */
  readonly uri: string
  /** Segments from which its bit rates are measured: `rendition.segments`. */
  readonly segments: readonly Segment[]
  /** Bits per second until a segment was measured. */
  readonly declaredBitrate: number
  /** RFC 6381 strings of video and audio (the group's too): `['avc1.64001f', 'mp4a.40.2']`. */
  readonly codecs: readonly string[]
  /** Undefined: audio only. */
  readonly resolution?: { readonly width: number; readonly height: number } | undefined
  readonly frameRate?: number | undefined
  /** `group` of its `audio`. */
  readonly audioGroup?: string | undefined
}

export interface MasterAudio {
  readonly group: string
  readonly name: string
  /** RFC 5646; '' where none is known. */
  readonly language: string
  readonly channels: number
  readonly isDefault: boolean
  /** Undefined: it is part of the variants. */
  readonly uri?: string | undefined
  readonly segments: readonly Segment[]
}

export interface MasterInput {
  /** Seconds. */
  readonly targetSeconds: number
  /** True if every segment of every variant starts with a random access point. */
  readonly independent: boolean
  readonly variants: readonly MasterVariant[]
  readonly audio: readonly MasterAudio[]
}

/** Bits per second. */
export interface MeasuredBitrate {
  readonly peak: number
  readonly average: number
}

/** RFC 8216bis, 4.1: peak over runs of segments that last 0.5 to 1.5 target durations. */
const MIN_RUN_TARGETS = 0.5
const MAX_RUN_TARGETS = 1.5
const MASTER_VERSION = 3
const MAX_MEASURED_SEGMENTS = 1_000

/** A multivariant playlist (RFC 8216bis, 4.4.6). */
export const renderMasterPlaylist = (input: MasterInput): string => {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${MASTER_VERSION}`]
  if (input.independent) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  for (const audio of input.audio) lines.push(mediaLine(audio))
  for (const variant of input.variants) {
    lines.push(`#EXT-X-STREAM-INF:${streamAttributes(variant, input)}`, variant.uri)
  }
  lines.push('')
  return lines.join('\n')
}

function mediaLine(audio: MasterAudio): string {
  return `#EXT-X-MEDIA:${[
    'TYPE=AUDIO',
    `GROUP-ID=${quoted(audio.group)}`,
    `NAME=${quoted(audio.name)}`,
    ...(audio.language === '' ? [] : [`LANGUAGE=${quoted(audio.language)}`]),
    `DEFAULT=${audio.isDefault ? 'YES' : 'NO'}`,
    // Without it a rendition is played only when the viewer chooses it by name.
    'AUTOSELECT=YES',
    `CHANNELS="${audio.channels}"`,
    ...(audio.uri === undefined ? [] : [`URI=${quoted(audio.uri)}`]),
  ].join(',')}`
}

function streamAttributes(variant: MasterVariant, input: MasterInput): string {
  const { peak, average } = bitratesOf(variant, input)
  const { resolution, frameRate, audioGroup } = variant
  return [
    `BANDWIDTH=${Math.ceil(peak)}`,
    `AVERAGE-BANDWIDTH=${Math.ceil(average)}`,
    `CODECS="${variant.codecs.join(',')}"`,
    ...(resolution === undefined ? [] : [`RESOLUTION=${resolution.width}x${resolution.height}`]),
    ...(frameRate === undefined ? [] : [`FRAME-RATE=${frameRate.toFixed(3)}`]),
    ...(audioGroup === undefined ? [] : [`AUDIO=${quoted(audioGroup)}`]),
  ].join(',')
}

/** Bit rates including the most demanding rendition of its audio group (RFC 8216bis, 4.4.6.2). */
function bitratesOf(
  variant: MasterVariant,
  { audio, targetSeconds }: MasterInput,
): MeasuredBitrate {
  const own = measureBitrate(variant.segments, targetSeconds) ?? {
    peak: variant.declaredBitrate,
    average: variant.declaredBitrate,
  }
  const group = audio
    .filter((each) => each.group === variant.audioGroup && each.uri !== undefined)
    .filter((each) => each.uri !== variant.uri)
    .map((each) => measureBitrate(each.segments, targetSeconds) ?? { peak: 0, average: 0 })
  return {
    peak: own.peak + Math.max(0, ...group.map(({ peak }) => peak)),
    average: own.average + Math.max(0, ...group.map(({ average }) => average)),
  }
}

/** Bit rates of the newest whole segments (all but those of very long windows); undefined before the first. */
export const measureBitrate = (
  segments: readonly Segment[],
  targetSeconds: number,
): MeasuredBitrate | undefined => {
  const whole = segments
    .slice(-MAX_MEASURED_SEGMENTS)
    .filter(({ state, duration }) => state === 'done' && duration > 0)
  if (whole.length === 0) return undefined
  const bytes = whole.reduce((sum, segment) => sum + segment.bytes, 0)
  const ticks = whole.reduce((sum, segment) => sum + segment.duration, 0)
  const average = bitsPerSecond(bytes, ticks)
  return { peak: Math.max(average, peakOf(whole, targetSeconds * TICKS_PER_SECOND)), average }
}

function peakOf(segments: readonly Segment[], target: number): number {
  let peak = 0
  for (let from = 0; from < segments.length; from++) {
    let bytes = 0
    let ticks = 0
    for (let to = from; to < segments.length; to++) {
      if (to > from && segments[to]!.number !== segments[to - 1]!.number + 1) break
      bytes += segments[to]!.bytes
      ticks += segments[to]!.duration
      if (ticks > MAX_RUN_TARGETS * target) break
      if (ticks >= MIN_RUN_TARGETS * target) peak = Math.max(peak, bitsPerSecond(bytes, ticks))
    }
  }
  return peak
}

const bitsPerSecond = (bytes: number, ticks: number): number =>
  (bytes * 8 * TICKS_PER_SECOND) / ticks

/** Quoted strings hold neither quotes nor line breaks (RFC 8216bis, 4.2). */
const quoted = (text: string): string =>
  `"${text.replaceAll('"', '”').replaceAll(/\p{Cc}+/gu, ' ')}"`
