import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { audioTrackOf, videoTrackOf } from '../../../mp4/track-config.ts'
import type { Mp4AudioTrack } from '../../../mp4/track.ts'
import { CmafWriter } from './cmaf-writer.ts'
import { CountedSink, type PackagedFigures } from './counted-sink.ts'
import { PictureConfig, type ConfigChange } from './decoder-config.ts'
import type { Boundary } from './grid.ts'
import type { PackagingPlan } from './packaging-plan.ts'
import { RenditionFeed } from './rendition-feed.ts'
import type { Rendition } from '../store/rendition.ts'
import type { SegmentStore } from '../store/segment-store.ts'
import type { Picture, SegmentWriter, Sound } from './segment-writer.ts'
import { TsWriter } from './ts-writer.ts'

/** What a stream is made of. */
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
  readonly patience: number
}

export interface StreamSound {
  readonly rendition: Rendition
  readonly language: string
}

/**
 * The program in one size: one rendition in transport streams; in fragmented MP4 one per track, where the pictures have
 * the stream's name and the sounds are `audio_0` … (without pictures, the first sound has the stream's name).
 */
export class Stream {
  readonly name: string
  readonly tracks: StreamTracks
  readonly rendition: Rendition
  readonly sounds: readonly StreamSound[]
  readonly #pictures: PictureConfig | undefined
  readonly #feeds: readonly RenditionFeed[]
  #sound: Mp4AudioTrack | undefined

  constructor(options: StreamOptions) {
    const { tracks, name, store, plan } = options
    this.name = name
    this.tracks = tracks
    this.rendition = store.rendition(name)
    this.#pictures = tracks.video === undefined ? undefined : new PictureConfig(tracks.video.codec)
    const sounds = soundsOf(options)
    this.sounds = sounds.map(({ rendition, language }) => ({
      rendition: store.rendition(rendition),
      language,
    }))
    this.#feeds =
      plan.container === 'ts'
        ? [tsFeed(options)]
        : [
            ...(tracks.video === undefined ? [] : [pictureFeed(options, tracks.video)]),
            ...sounds.map((sound) => soundFeed(options, sound)),
          ]
  }

  /** As the newest random access point tells it. */
  get pictures(): Pick<PictureConfig, 'format' | 'track'> | undefined {
    return this.#pictures
  }

  /** As its first frame tells it. */
  get sound(): Mp4AudioTrack | undefined {
    return this.#sound
  }

  /** Asked at each random access point, before it is given. */
  learn(entry: Uint8Array): ConfigChange {
    return this.#pictures?.learn(entry) ?? 'none'
  }

  /** The sound's format has changed. */
  forgetSound(): void {
    this.#sound = undefined
  }

  plan(boundary: Boundary, nowMs: number): void {
    for (const feed of this.#feeds) feed.plan(boundary, nowMs)
  }

  picture(picture: Picture): void {
    for (const feed of this.#feeds) feed.picture(picture)
  }

  give(track: number, sound: Sound): void {
    const { audio } = this.tracks
    if (track === 0 && audio !== undefined) {
      this.#sound ??= audioTrackOf(1, audio, sound.unit.data)
    }
    for (const feed of this.#feeds) feed.sound(track, sound)
  }

  lose(): void {
    for (const feed of this.#feeds) feed.lose()
  }

  expire(nowMs: number, patienceMs: number): void {
    for (const feed of this.#feeds) feed.expire(nowMs, patienceMs)
  }
}

interface NamedSound {
  readonly rendition: string
  readonly language: string
  readonly index: number
}

/** Those that are renditions of their own. */
function soundsOf({ plan, tracks, name }: StreamOptions): NamedSound[] {
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

function tsFeed(options: StreamOptions): RenditionFeed {
  const { tracks, serviceName, patience } = options
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
  return new RenditionFeed({ writer, pictures, sounds: indicesOf(tracks), patience })
}

function pictureFeed(options: StreamOptions, video: VideoFormat): RenditionFeed {
  const writer: SegmentWriter = new CmafWriter({
    sink: sinkOf(options, options.name),
    trackOf: (unit) => videoTrackOf(1, video, unit),
    partTicks: options.plan.partTicks,
  })
  return new RenditionFeed({ writer, pictures: 'with', sounds: [], patience: options.patience })
}

function soundFeed(options: StreamOptions, sound: NamedSound): RenditionFeed {
  const { tracks, plan, patience } = options
  const language = sound.language === '' ? 'und' : sound.language
  const writer = new CmafWriter({
    sink: sinkOf(options, sound.rendition),
    trackOf: (frame) => audioTrackOf(1, tracks.audio!, frame, language),
    partTicks: plan.partTicks,
  })
  return new RenditionFeed({ writer, pictures: 'without', sounds: [sound.index], patience })
}

function sinkOf({ store, figures, kind, name }: StreamOptions, rendition: string): CountedSink {
  const counts = kind === 'main' && rendition === name ? 'main' : 'other'
  return new CountedSink(store.rendition(rendition), figures, counts)
}
