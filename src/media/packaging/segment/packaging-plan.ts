import { join } from 'node:path'
import { SluiceError } from '../../../contract/errors.ts'
import { frameTicks } from '../../../contract/format.ts'
import { targetSecondsOf, type HlsSpec, type LadderSpec } from '../../../contract/output-spec.ts'
import { TICKS_PER_SECOND } from '../../../contract/time.ts'
import type { Rung } from '../../encode/program-encoder.ts'
import type { ProgramTracks } from '../../outputs/interface/program-frames.ts'

export type Container = HlsSpec['container']

/** Folder and container of an output's segments: outputs with equal ones share them. */
export interface PackagingPlace {
  readonly container: Container
  /** Undefined: memory only. */
  readonly folder: string | undefined
}

export interface PackagingPlan extends PackagingPlace {
  readonly segmentSeconds: number
  readonly targetSeconds: number
  /** Undefined: no parts. */
  readonly partTicks: number | undefined
  readonly discontinuity: HlsSpec['discontinuity']
  readonly rungs: readonly Rung[]
  /** Heights of the rungs that are left out: not below the program's own. */
  readonly leftOut: readonly number[]
  readonly audioOnly: 'with' | 'without'
  readonly quotaBytes: number
  readonly window: { readonly segments: number; readonly ms: number }
  /** Ticks by which a rendition's segment may be longer than the grid's. */
  readonly slack: number
  /** Changes whenever old segments do not fit new ones. */
  readonly layout: string
}

/** Peak of the encoder over its average, and the seconds it may last: usual figures for HLS. */
const PEAK = 1.07
const BUFFER_SECONDS = 1.5
/** Tolerance of a target that is whole frames but for rounding. */
const EPSILON = 1e-6

/** `url`: `hls:`, `hls:/folder`, `dash:`, `dash:/folder`. */
export function placeOf(url: string, spec: HlsSpec, stateFolder: string): PackagingPlace {
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase()
  const given = folderIn(url)
  const container = scheme === 'dash' || spec.lowLatency ? 'fmp4' : spec.container
  if (spec.storage === 'memory') return { container, folder: undefined }
  if (given !== '') return { container, folder: given }
  // `hls:` in transport streams has its own folder.
  const apart = scheme === 'dash' && !spec.lowLatency && spec.container === 'ts'
  if (spec.dir !== undefined) {
    return { container, folder: apart ? join(spec.dir, 'dash') : spec.dir }
  }
  return { container, folder: join(stateFolder, apart ? 'dash' : 'hls') }
}

export const folderIn = (url: string): string => url.slice(url.indexOf(':') + 1)

export function planPackaging(
  place: PackagingPlace,
  spec: HlsSpec,
  tracks: ProgramTracks,
): PackagingPlan {
  checkCarriable(place, tracks)
  const { rungs, leftOut } =
    spec.mode === 'abr' ? rungsOf(spec.ladder, place, tracks) : { rungs: [], leftOut: [] }
  const partTicks = spec.lowLatency ? partTicksOf(spec, tracks) : undefined
  const audioOnly =
    spec.mode === 'abr' && spec.ladder.audioOnly && tracks.video !== undefined && hasAudio(tracks)
  return {
    ...place,
    segmentSeconds: spec.segmentTime,
    targetSeconds: targetSecondsOf(spec.segmentTime),
    partTicks,
    discontinuity: spec.discontinuity,
    rungs,
    leftOut,
    audioOnly: audioOnly ? 'with' : 'without',
    quotaBytes: spec.quotaMb * 1_000_000,
    window: {
      segments: spec.listSize,
      ms: spec.dvrSeconds * 1_000,
    },
    slack: tracks.audio === undefined ? 0 : frameTicks(tracks.audio),
    layout: JSON.stringify({
      container: place.container,
      target: targetSecondsOf(spec.segmentTime),
      parts: partTicks ?? 0,
      rungs: rungs.map(({ name, video }) => [name, video === 'none' ? 0 : video.height]),
      audioOnly,
      sounds: tracks.languages.length,
    }),
  }
}

/**
 * RFC 8216bis, 4.4.4.9: parts last at least 85 % of the target. So a part is a whole number of pictures: four of them, at
 * 24 per second, would be 83 % of 0.2 s.
 */
function partTicksOf({ partTarget }: HlsSpec, { video, audio }: ProgramTracks): number {
  const wanted = partTarget * TICKS_PER_SECOND
  const rate = video?.frameRate
  if (video !== undefined && rate === undefined) return wanted
  const frame =
    rate === undefined ? audio && frameTicks(audio) : (TICKS_PER_SECOND * rate.den) / rate.num
  return frame === undefined ? wanted : frame * Math.max(1, Math.floor(wanted / frame + EPSILON))
}

const hasAudio = ({ audio, languages }: ProgramTracks): boolean =>
  audio !== undefined && languages.length > 0

function checkCarriable({ container }: PackagingPlace, { video, audio }: ProgramTracks): void {
  if (container === 'ts') return
  const what =
    video?.codec === 'mpeg2video'
      ? 'MPEG-2 video'
      : audio?.codec === 'aac_latm' || audio?.codec === 'mp1'
        ? audio.codec === 'mp1'
          ? 'MPEG audio layer I'
          : 'AAC in LATM'
        : undefined
  if (what === undefined) return
  throw new SluiceError(
    'codec_not_carriable',
    `the program has ${what}, which fragmented MP4 can't carry to players: ` +
      'set format so that the program is H.264 with AAC, or for HLS hls.container to "ts"',
  )
}

/** Rungs below the program's own size, which is passed through. */
function rungsOf(
  { variants, preset, gopSize }: LadderSpec,
  { container }: PackagingPlace,
  tracks: ProgramTracks,
): { rungs: readonly Rung[]; leftOut: readonly number[] } {
  const height = tracks.video?.height ?? 0
  const kept = variants.filter((variant) => variant.height < height)
  const rungs = kept.map((variant, index): Rung => ({
    name: `stream_${index + 1}`,
    video: {
      height: variant.height,
      bitrate: variant.videoBitrate,
      maxBitrate: Math.round(variant.videoBitrate * PEAK),
      bufferSize: Math.round(variant.videoBitrate * BUFFER_SECONDS),
      preset,
      keyFrames: { every: 'pictures', count: gopSize },
    },
    // In fragmented MP4 audio has its own renditions, shared by all rungs.
    audio:
      container === 'ts' && hasAudio(tracks)
        ? { codec: 'aac', bitrate: variant.audioBitrate }
        : 'none',
  }))
  const leftOut = variants.filter((variant) => variant.height >= height)
  return { rungs, leftOut: leftOut.map((variant) => variant.height) }
}
