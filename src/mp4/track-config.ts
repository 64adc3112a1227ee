import { aacRecord, adtsBlocks } from '../codec/aac-record.ts'
import { ac3Record, eac3Record } from '../codec/ac3-record.ts'
import { avcRecord } from '../codec/avc-record.ts'
import { parseH264Sps } from '../codec/h264-sps.ts'
import { hevcRecord } from '../codec/hevc-record.ts'
import { parseHevcSps } from '../codec/hevc-sps.ts'
import { nalSpans, sameBytes } from '../codec/nal-spans.ts'
import { TICKS_PER_SECOND } from '../contract/time.ts'
import type { AudioFormat, Rational, VideoFormat } from '../contract/format.ts'
import { codecString } from './codec-string.ts'
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts'

const NO_CONFIG = new Uint8Array(0)
const UNDETERMINED = 'und'

/** nal_unit_type of the sequence parameter set. */
const H264_SPS = 7
const HEVC_SPS = 33

/**
 * Track from the access unit of a random access point (Annex B): undefined when it holds no parameter sets, and for
 * MPEG-2 video, which players of fragmented MP4 do not support.
 */
export function videoTrackOf(
  id: number,
  format: VideoFormat,
  unit: Uint8Array,
  parameterSets: Mp4VideoTrack['parameterSets'] = 'in_entry',
): Mp4VideoTrack | undefined {
  const { codec } = format
  if (codec === 'mpeg2video') return undefined
  const sets = parameterSets === 'in_entry' ? 'all' : 'in_band_too'
  const config = codec === 'h264' ? avcRecord(unit) : hevcRecord(unit, sets)
  const size = videoSizeOf(codec, unit)
  if (config === undefined || size === undefined) return undefined
  const { pixelAspect } = size
  return {
    kind: 'video',
    id,
    timescale: TICKS_PER_SECOND,
    codec,
    width: size.width,
    height: size.height,
    ...(pixelAspect === undefined ? {} : { pixelAspect }),
    config,
    parameterSets,
  }
}

interface VideoSize {
  readonly width: number
  readonly height: number
  readonly pixelAspect: Rational | undefined
}

function videoSizeOf(codec: 'h264' | 'hevc', unit: Uint8Array): VideoSize | undefined {
  const spans = nalSpans(unit)
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i]!, spans[i + 1]!]
    const first = unit[start]!
    const isSps =
      codec === 'h264' ? (first & 0x1f) === H264_SPS : ((first >> 1) & 0x3f) === HEVC_SPS
    if (!isSps) continue
    const parse = codec === 'h264' ? parseH264Sps : parseHevcSps
    const sps = parse(unit, start, end)
    return sps && { ...sizeOf(sps.format), pixelAspect: sps.pixelAspect }
  }
  return undefined
}

const sizeOf = ({ width, height }: VideoFormat): { width: number; height: number } => ({
  width,
  height,
})

/**
 * Track from one frame with its header (ADTS, MPEG audio, AC-3). Undefined without a sample entry here: AAC in LATM,
 * MPEG audio layer I, ADTS frames of several blocks, and AAC whose channels this frame does not give.
 */
export function audioTrackOf(
  id: number,
  format: AudioFormat,
  frame: Uint8Array,
  language = UNDETERMINED,
): Mp4AudioTrack | undefined {
  const { codec, channels, sampleRate } = format
  if (codec === 'aac_latm' || codec === 'mp1') return undefined
  const config = audioConfig(codec, frame)
  return (
    config && {
      kind: 'audio',
      id,
      timescale: sampleRate,
      codec,
      channels,
      sampleRate,
      config,
      language: /^[a-z]{3}$/.test(language) ? language : UNDETERMINED,
    }
  )
}

function audioConfig(codec: Mp4AudioTrack['codec'], frame: Uint8Array): Uint8Array | undefined {
  switch (codec) {
    case 'aac':
      return adtsBlocks(frame) === 1 ? aacRecord(frame) : undefined
    case 'ac3':
      return ac3Record(frame)
    case 'eac3':
      return eac3Record(frame)
    case 'mp2':
    case 'mp3':
      return NO_CONFIG
  }
}

/**
 * True if samples of both may follow one initialisation segment. Where pictures carry their own parameter sets, only the
 * fields by which a decoder is chosen must be equal.
 */
export function sameTrack(a: Mp4Track, b: Mp4Track): boolean {
  if (a.id !== b.id || a.timescale !== b.timescale || a.codec !== b.codec) return false
  if (a.kind === 'audio') {
    return (
      b.kind === 'audio' &&
      a.channels === b.channels &&
      a.language === b.language &&
      sameBytes(a.config, b.config)
    )
  }
  return (
    b.kind === 'video' &&
    a.width === b.width &&
    a.height === b.height &&
    a.parameterSets === b.parameterSets &&
    a.pixelAspect?.num === b.pixelAspect?.num &&
    a.pixelAspect?.den === b.pixelAspect?.den &&
    (sameBytes(a.config, b.config) ||
      (a.parameterSets === 'in_band_too' && codecString(a) === codecString(b)))
  )
}
