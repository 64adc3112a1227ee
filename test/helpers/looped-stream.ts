/**
 * A real encode repeated without limit: each turn of its pictures is one exact length later (it begins with a closed GOP),
 * its audio frames cycle on their own exact grid. Every coded frame is unique within a turn, so that a frame found in a
 * program identifies its origin.
 */
import { frameTicks, type AudioFormat, type VideoFormat } from '../../src/contract/format.ts'
import { ticks } from '../../src/contract/time.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'
import { encodeTs, type EncodeSpec } from './stream-builder.ts'

export interface LoopMaterial {
  readonly video: readonly AccessUnit[]
  /** Length of a turn in ticks; 0 without pictures. */
  readonly videoTicks: number
  readonly videoFormat: VideoFormat | undefined
  readonly audio: readonly AccessUnit[]
  readonly audioFormat: AudioFormat | undefined
}

/** Noise under the tone, so that no two audio frames are equal. */
const UNIQUE_AUDIO = ['-af', 'aeval=val(0)+0.05*random(0):c=same']

export const loopMaterial = async (spec: Partial<EncodeSpec>): Promise<LoopMaterial> => {
  const audioFilter = spec.audio === 'none' ? [] : UNIQUE_AUDIO
  return materialOf(await encodeTs({ ...spec, extra: [...(spec.extra ?? []), ...audioFilter] }))
}

export const materialOf = (bytes: Uint8Array): LoopMaterial => {
  const units: AccessUnit[] = []
  let videoFormat: VideoFormat | undefined
  let audioFormat: AudioFormat | undefined
  const demuxer = new TsDemuxer({
    program: () => {},
    unit: (unit) => units.push(unit),
    format: (_, format) => {
      if ('width' in format) videoFormat = format
      else audioFormat = format
    },
  })
  demuxer.push(bytes)
  demuxer.flush()
  const pictures = units.filter(({ kind }) => kind === 'video')
  const times = pictures.map(({ pts }) => pts).sort((a, b) => a - b)
  const frame = times.length < 2 ? 0 : (times.at(-1)! - times[0]!) / (times.length - 1)
  const first = times[0] ?? 0
  const video = pictures.map((unit) => ({
    ...unit,
    pts: ticks(unit.pts - first),
    dts: ticks(unit.dts - first),
  }))
  const audio = units.filter(({ kind }) => kind === 'audio')
  return { video, videoTicks: Math.round(frame * times.length), videoFormat, audio, audioFormat }
}

export interface LoopTimes {
  /** PTS of the first picture (without pictures: of the first audio frame). */
  readonly start: number
  /** PTS of the first audio frame minus `start`. */
  readonly audioLead: number
}

/** Endless, in order of DTS. */
export function* loopedUnits(material: LoopMaterial, times: LoopTimes): Generator<AccessUnit> {
  const { video, audio, videoTicks, audioFormat } = material
  const duration = audioFormat === undefined ? 0 : frameTicks(audioFormat)
  const pictureAt = (n: number): AccessUnit | undefined => {
    if (video.length === 0) return undefined
    const unit = video[n % video.length]!
    const shift = times.start + Math.floor(n / video.length) * videoTicks
    return { ...unit, pts: ticks(unit.pts + shift), dts: ticks(unit.dts + shift) }
  }
  const frameAt = (n: number): AccessUnit | undefined => {
    if (audio.length === 0) return undefined
    const pts = ticks(times.start + times.audioLead + n * duration)
    return { ...audio[n % audio.length]!, pts, dts: pts, duration }
  }
  let [videoCount, audioCount] = [0, 0]
  for (;;) {
    const picture = pictureAt(videoCount)
    const frame = frameAt(audioCount)
    if (picture === undefined && frame === undefined) return
    if (frame === undefined || (picture !== undefined && picture.dts <= frame.dts)) {
      yield picture!
      videoCount++
    } else {
      yield frame
      audioCount++
    }
  }
}
