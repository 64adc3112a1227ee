import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { audioTrackOf, videoTrackOf } from '../../../mp4/track-config.ts'
import type { Mp4AudioTrack } from '../../../mp4/track.ts'
import { CmafWriter } from './cmaf-writer.ts'
import { CountedSink, type PackagedFigures } from './counted-sink.ts'
import { VideoDecoderConfig, type ConfigChange } from './decoder-config.ts'
import type { Boundary } from './grid.ts'
import type { PackagingPlan } from './packaging-plan.ts'
import { RenditionSegmenter } from './rendition-segmenter.ts'
import type { Rendition } from '../store/rendition.ts'
import type { SegmentStore } from '../store/segment-store.ts'
import type { VideoFrame, SegmentWriter, AudioFrame } from './segment-writer.ts'
import { TsWriter } from './ts-writer.ts'

/** Tracks of a stream. */
export interface StreamTracks {
  readonly video: VideoFormat | undefined
  readonly audio: AudioFormat | undefined
  /** One per audio track; '' where none is known. */
  readonly languages: readonly string[]
}

export interface StreamOptions {
  readonly plan: Pick<PackagingPlan, 'container' | 'partTicks'>
  readonly store: SegmentStore
  readonly figures: PackagedFigures
  readonly serviceName: string
  readonly tracks: StreamTracks
  /** `stream_0` … */
  readonly name: string
  readonly kind: 'main' | 'other'
  /** Ticks that a track may be behind another at a boundary. */
  readonly maxWaitTicks: number
}

export interface AudioRendition {
  readonly rendition: Rendition
  readonly language: string
}

/**
 * The program in one size: one rendition in transport streams; in fragmented MP4 one per track, where video has the
 * stream's name and audio is `audio_0` … (without video, the first audio track has the stream's name).
 */
export class Stream {
  readonly name: string
  readonly tracks: StreamTracks
  readonly rendition: Rendition
  readonly audioRenditions: readonly AudioRendition[]
  readonly #videoConfig: VideoDecoderConfig | undefined
  readonly #segmenters: readonly RenditionSegmenter[]
  #audioTrack: Mp4AudioTrack | undefined

  constructor(options: StreamOptions) {
    const { tracks, name, store, plan } = options
    this.name = name
    this.tracks = tracks
    this.rendition = store.rendition(name)
    this.#videoConfig =
      tracks.video === undefined ? undefined : new VideoDecoderConfig(tracks.video.codec)
    const namedAudio = namedAudioOf(options)
    this.audioRenditions = namedAudio.map(({ rendition, language }) => ({
      rendition: store.rendition(rendition),
      language,
    }))
    this.#segmenters =
      plan.container === 'ts'
        ? [createTsSegmenter(options)]
        : [
            ...(tracks.video === undefined ? [] : [createVideoSegmenter(options, tracks.video)]),
            ...namedAudio.map((named) => createAudioSegmenter(options, named)),
          ]
  }

  /** Read from the newest random access point. */
  get videoConfig(): Pick<VideoDecoderConfig, 'format' | 'track'> | undefined {
    return this.#videoConfig
  }

  /** Read from the first audio frame. */
  get audioTrack(): Mp4AudioTrack | undefined {
    return this.#audioTrack
  }

  /** To be called for each random access point before `video`. */
  updateVideoConfig(rap: Uint8Array): ConfigChange {
    return this.#videoConfig?.update(rap) ?? 'none'
  }

  /** To be called when the audio format has changed. */
  forgetAudioTrack(): void {
    this.#audioTrack = undefined
  }

  plan(boundary: Boundary, nowMs: number): void {
    for (const segmenter of this.#segmenters) segmenter.plan(boundary, nowMs)
  }

  video(frame: VideoFrame): void {
    for (const segmenter of this.#segmenters) segmenter.video(frame)
  }

  audio(track: number, frame: AudioFrame): void {
    const { audio } = this.tracks
    if (track === 0 && audio !== undefined) {
      this.#audioTrack ??= audioTrackOf(1, audio, frame.unit.data)
    }
    for (const segmenter of this.#segmenters) segmenter.audio(track, frame)
  }

  restart(): void {
    for (const segmenter of this.#segmenters) segmenter.restart()
  }

  expire(nowMs: number, maxWaitMs: number): void {
    for (const segmenter of this.#segmenters) segmenter.expire(nowMs, maxWaitMs)
  }
}

interface NamedAudio {
  readonly rendition: string
  readonly language: string
  readonly index: number
}

/** Audio tracks that are renditions of their own. */
function namedAudioOf({ plan, tracks, name }: StreamOptions): NamedAudio[] {
  if (plan.container === 'ts' || tracks.audio === undefined) return []
  const alone = tracks.video === undefined
  return tracks.languages.map((language, index) => ({
    rendition: alone && index === 0 ? name : `audio_${index}`,
    language,
    index,
  }))
}

const indicesOf = ({ audio, languages }: StreamTracks): number[] =>
  audio === undefined ? [] : [...languages.keys()]

function createTsSegmenter(options: StreamOptions): RenditionSegmenter {
  const { tracks, serviceName, maxWaitTicks } = options
  const { video, audio, languages } = tracks
  const writer = new TsWriter({
    sink: sinkOf(options, options.name),
    video: video?.codec,
    audio:
      audio === undefined
        ? []
        : languages.map((language, index) => ({ index, codec: audio.codec, language })),
    serviceName,
  })
  const pictures = video === undefined ? 'without' : 'with'
  return new RenditionSegmenter({
    writer,
    video: pictures,
    audioTracks: indicesOf(tracks),
    maxWaitTicks,
  })
}

function createVideoSegmenter(options: StreamOptions, video: VideoFormat): RenditionSegmenter {
  const writer: SegmentWriter = new CmafWriter({
    sink: sinkOf(options, options.name),
    trackOf: (unit) => videoTrackOf(1, video, unit),
    partTicks: options.plan.partTicks,
  })
  return new RenditionSegmenter({
    writer,
    video: 'with',
    audioTracks: [],
    maxWaitTicks: options.maxWaitTicks,
  })
}

function createAudioSegmenter(options: StreamOptions, named: NamedAudio): RenditionSegmenter {
  const { tracks, plan, maxWaitTicks } = options
  const language = named.language === '' ? 'und' : named.language
  const writer = new CmafWriter({
    sink: sinkOf(options, named.rendition),
    trackOf: (frame) => audioTrackOf(1, tracks.audio!, frame, language),
    partTicks: plan.partTicks,
  })
  return new RenditionSegmenter({
    writer,
    video: 'without',
    audioTracks: [named.index],
    maxWaitTicks,
  })
}

function sinkOf({ store, figures, kind, name }: StreamOptions, rendition: string): CountedSink {
  const counts = kind === 'main' && rendition === name ? 'main' : 'other'
  return new CountedSink(store.rendition(rendition), figures, counts)
}
