/** Real coded media for the writer of fragmented MP4: from a transport stream to tracks with exact samples. */
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import { fragment, type Sample } from '../../src/mp4/fragment.ts'
import { audioSample, videoSample } from '../../src/mp4/sample-data.ts'
import { audioTrackOf, videoTrackOf } from '../../src/mp4/track-config.ts'
import type { Mp4Track } from '../../src/mp4/track.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'

export interface CodedTrack {
  readonly track: Mp4Track
  /** Decode order, with the time of the first one in `baseTime`. */
  readonly baseTime: number
  readonly samples: readonly Sample[]
}

const isVideo = (format: VideoFormat | AudioFormat): format is VideoFormat => 'chroma' in format

/** The tracks of a transport stream in the order of their PIDs: ids 1, 2 … From the first random access point on. */
export function tracksOf(
  stream: Uint8Array,
  parameterSets: 'in_entry' | 'in_band_too' = 'in_entry',
): CodedTrack[] {
  const formats = new Map<number, VideoFormat | AudioFormat>()
  const units = new Map<number, AccessUnit[]>()
  const demuxer = new TsDemuxer({
    program: () => {},
    format: (pid, format) => formats.set(pid, format),
    unit: (unit) => units.set(unit.pid, [...(units.get(unit.pid) ?? []), unit]),
  })
  demuxer.push(stream)
  demuxer.flush()
  return [...formats]
    .sort(([a], [b]) => a - b)
    .map(([pid, format], index) => {
      const own = units.get(pid)!
      return isVideo(format)
        ? videoTrack(index + 1, format, own, parameterSets)
        : audioTrack(index + 1, format, own)
    })
}

function videoTrack(
  id: number,
  format: VideoFormat,
  all: readonly AccessUnit[],
  parameterSets: 'in_entry' | 'in_band_too',
): CodedTrack {
  const units = all.slice(all.findIndex((unit) => unit.rap !== 'none'))
  const track = videoTrackOf(id, format, units[0]!.data, parameterSets)!
  const last = units.at(-1)!.dts - units.at(-2)!.dts
  const samples = units.map((unit, i) => ({
    duration: (units[i + 1]?.dts ?? unit.dts + last) - unit.dts,
    compositionOffset: unit.pts - unit.dts,
    rap: unit.rap !== 'none',
    data: videoSample(track.codec, unit.data),
  }))
  return { track, baseTime: units[0]!.dts, samples }
}

function audioTrack(id: number, format: AudioFormat, units: readonly AccessUnit[]): CodedTrack {
  const track = audioTrackOf(id, format, units[0]!.data, 'deu')!
  const samples = units.map((unit) => ({
    duration: format.frameSamples,
    compositionOffset: 0,
    rap: true,
    data: audioSample(track.codec, unit.data),
  }))
  const baseTime = Math.round((units[0]!.pts * format.sampleRate) / 90_000)
  return { track, baseTime, samples }
}

/** Fragments of `count` samples per track at a time, regardless of random access points. */
export function fragmentsOf(tracks: readonly CodedTrack[], count: number): Uint8Array[] {
  const fragments: Uint8Array[] = []
  const times = tracks.map(({ baseTime }) => baseTime)
  for (let from = 0; tracks.some(({ samples }) => samples.length > from); from += count) {
    const runs = tracks.map(({ track, samples }, i) => {
      const part = samples.slice(from, from + count)
      const baseTime = times[i]!
      times[i] = part.reduce((time, sample) => time + sample.duration, baseTime)
      return { track: track.id, baseTime, samples: part }
    })
    const place = from === 0 ? 'segment' : 'fragment'
    fragments.push(fragment(fragments.length + 1, runs, place))
  }
  return fragments
}
