import { frameTicks, type AudioFormat, type VideoFormat } from '../../contract/format.ts'
import { SluiceError } from '../../contract/errors.ts'
import { ticks } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'
import type { SilentAudio } from './slate-material.ts'

/** Frames at the start that may hold the encoder's priming. */
const PRIMING_FRAMES = 8
/** Frames at the end that an encoder may write when it is flushed. */
const FLUSH_FRAMES = 4

interface Demuxed {
  readonly units: readonly AccessUnit[]
  readonly video: VideoFormat | undefined
  readonly audio: AudioFormat | undefined
}

const demuxed = (bytes: Uint8Array): Demuxed => {
  const units: AccessUnit[] = []
  let video: VideoFormat | undefined
  let audio: AudioFormat | undefined
  const demuxer = new TsDemuxer({
    program: () => {},
    unit: (unit) => units.push(unit),
    format: (_, format) => {
      if ('width' in format) video = format
      else audio = format
    },
  })
  demuxer.push(bytes)
  demuxer.flush()
  return { units, video, audio }
}

export interface SlateVideo {
  readonly video: readonly AccessUnit[]
  readonly videoTicks: number
  readonly videoFormat: VideoFormat
}

/** One closed group of exactly `count` pictures from an encoder's transport stream, with times from 0. */
export const pictureGroup = (
  bytes: Uint8Array,
  count: number,
  pictureTicks: number,
): SlateVideo => {
  const { units, video: format } = demuxed(bytes)
  const pictures = units.filter(({ kind }) => kind === 'video')
  const first = pictures[0]
  if (format === undefined || first === undefined) throw unusableSlateError('it holds no video')
  if (pictures.length !== count)
    throw unusableSlateError(`${pictures.length} pictures instead of ${count}`)
  if (first.rap !== 'idr' && first.rap !== 'i_picture')
    throw unusableSlateError(`its first picture is no random access point (${first.rap})`)
  // MPEG-2 encoders stamp a reorder delay without reordering too: the order counts, not the difference.
  if (pictures.some(({ pts }, n) => n > 0 && pts <= pictures[n - 1]!.pts))
    throw unusableSlateError('its pictures are reordered')
  return {
    video: pictures.map((unit, n) => {
      const at = ticks(n * pictureTicks)
      return { ...unit, pts: at, dts: at }
    }),
    videoTicks: count * pictureTicks,
    videoFormat: format,
  }
}

/**
 * A silent frame from the steady state of an encoder whose input is silence. There it depends on no frame before it
 * (the frames are equal, or differ by one byte of padding), so it may be used anywhere.
 */
export const silentFrame = (bytes: Uint8Array): SilentAudio => {
  const { units, audio: format } = demuxed(bytes)
  const frames = units.filter(({ kind }) => kind === 'audio').map(({ data }) => data)
  if (format === undefined) throw unusableSlateError('it holds no audio')
  const steady = frames.slice(PRIMING_FRAMES, frames.length - FLUSH_FRAMES)
  if (steady.length === 0) throw unusableSlateError(`only ${frames.length} audio frames`)
  const frame = mostFrequent(steady)
  return { format, frameTicks: frameTicks(format), frames: [Uint8Array.from(frame)] }
}

const mostFrequent = (frames: readonly Uint8Array[]): Uint8Array => {
  const counts = new Map<string, { count: number; frame: Uint8Array }>()
  for (const frame of frames) {
    const key = Buffer.from(frame).toString('base64')
    const seen = counts.get(key)
    counts.set(key, { count: (seen?.count ?? 0) + 1, frame })
  }
  let best = { count: 0, frame: frames[0]! }
  for (const one of counts.values()) if (one.count > best.count) best = one
  return best.frame
}

const unusableSlateError = (why: string): SluiceError =>
  new SluiceError('internal', `the slate that FFmpeg rendered can't be used: ${why}`)
