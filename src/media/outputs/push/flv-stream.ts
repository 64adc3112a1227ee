import type { VideoInspector } from '../../../codec/video-inspection.ts'
import { createVideoInspector } from '../../../codec/video-inspector.ts'
import type { AudioFormat, VideoFormat } from '../../../contract/format.ts'
import { audioSample, videoSample } from '../../../mp4/sample-data.ts'
import { audioTrackOf, videoTrackOf } from '../../../mp4/track-config.ts'
import type { AmfObject } from '../../../rtmp/amf0.ts'
import {
  aacFrame,
  aacHeader,
  avcHeader,
  avcPicture,
  METADATA_CODEC,
  mp3Frame,
} from '../../../rtmp/flv-tags.ts'
import type { PushTimes } from './push-clock.ts'
import type { PushFrame, PushVideoFrame, PushAudioFrame } from './push-frame.ts'
import { SILENT_CHANNELS, SILENT_CONFIG, SILENT_SAMPLE_RATE } from './silent-aac.ts'

/** Consumer of the messages of one connection. */
export interface FlvSink {
  metadata(time: number, fields: AmfObject): void
  video(time: number, tag: Uint8Array): void
  audio(time: number, tag: Uint8Array): void
}

/** `silent`: frames are raw AAC, made by `silentFrame`. */
export type PushAudioFormat = AudioFormat | 'silent'

export interface FlvStreamOptions {
  readonly sink: FlvSink
  /** undefined: no video. */
  readonly video: VideoFormat | undefined
  readonly audio: PushAudioFormat
  /** Called with the video format when it changes at a random access point. */
  readonly onVideoFormat: (format: VideoFormat) => void
}

/**
 * The frames of one connection as messages: metadata and sequence headers first, and a new sequence header where the
 * parameter sets change. Starts with a random access point.
 */
export class FlvStream {
  readonly #options: FlvStreamOptions
  readonly #inspector: VideoInspector = createVideoInspector('h264')
  #videoFormat: VideoFormat | undefined
  #videoConfig: Uint8Array | undefined
  #audioConfig: Uint8Array | undefined
  /** Bytes of the ADTS header from which the configuration is derived. */
  #adtsKey = -1
  #isDescribed = false

  constructor(options: FlvStreamOptions) {
    this.#options = options
  }

  write(frame: PushFrame, times: PushTimes): void {
    if (frame.kind === 'video') this.#writeVideo(frame, times)
    else this.#writeAudio(frame, times)
  }

  #writeVideo(frame: PushVideoFrame, { dtsMs, compositionMs }: PushTimes): void {
    const { sink } = this.#options
    const { rap, bytes } = frame
    if (rap === 'key') this.#updateVideoConfig(bytes, dtsMs)
    const sample = videoSample('h264', bytes)
    sink.video(dtsMs, avcPicture({ rap: rap, compositionMs, sample }))
  }

  /** Sends the parameter sets of a random access point when they differ from the last ones. */
  #updateVideoConfig(bytes: Uint8Array, dtsMs: number): void {
    const format = this.#inspector.inspect(bytes).format ?? this.#options.video
    if (format === undefined) return
    const isOther = format !== this.#videoFormat
    if (isOther) {
      this.#videoFormat = format
      this.#options.onVideoFormat(format)
    }
    const config = videoTrackOf(1, format, bytes)?.config
    if (!this.#isDescribed || (isOther && this.#videoConfig !== undefined)) this.#describe(dtsMs)
    if (config === undefined || isEqual(config, this.#videoConfig)) return
    this.#videoConfig = config
    this.#options.sink.video(dtsMs, avcHeader(config))
  }

  #writeAudio({ bytes }: PushAudioFrame, { dtsMs }: PushTimes): void {
    const { sink, audio } = this.#options
    if (!this.#isDescribed) this.#describe(dtsMs)
    if (audio !== 'silent' && audio.codec === 'mp3') {
      sink.audio(dtsMs, mp3Frame(bytes, audio))
      return
    }
    const config = audio === 'silent' ? SILENT_CONFIG : this.#audioConfigOf(bytes, audio)
    if (config !== undefined && !isEqual(config, this.#audioConfig)) {
      this.#audioConfig = config
      sink.audio(dtsMs, aacHeader(config))
    }
    sink.audio(dtsMs, aacFrame(audio === 'silent' ? bytes : audioSample('aac', bytes)))
  }

  /** Parsed only where the fixed part of the ADTS header changes: profile, rate, channels. */
  #audioConfigOf(frame: Uint8Array, format: AudioFormat): Uint8Array | undefined {
    const key = ((frame[2] ?? 0) << 8) | ((frame[3] ?? 0) & 0xc0)
    if (key === this.#adtsKey) return this.#audioConfig
    this.#adtsKey = key
    return audioTrackOf(2, format, frame)?.config
  }

  #describe(dtsMs: number): void {
    this.#isDescribed = true
    this.#options.sink.metadata(dtsMs, {
      ...videoFields(this.#videoFormat),
      ...audioFields(this.#options.audio),
      encoder: 'Sluice',
    })
  }
}

const videoFields = (video: VideoFormat | undefined): AmfObject => {
  if (video === undefined) return {}
  const { width, height, frameRate } = video
  const rate = frameRate === undefined ? {} : { framerate: frameRate.num / frameRate.den }
  return { width, height, ...rate, videocodecid: METADATA_CODEC.h264 }
}

const audioFields = (audio: PushAudioFormat): AmfObject => {
  const isSilent = audio === 'silent'
  const channels = isSilent ? SILENT_CHANNELS : audio.channels
  return {
    audiocodecid: !isSilent && audio.codec === 'mp3' ? METADATA_CODEC.mp3 : METADATA_CODEC.aac,
    audiosamplerate: isSilent ? SILENT_SAMPLE_RATE : audio.sampleRate,
    audiosamplesize: 16,
    audiochannels: channels,
    stereo: channels > 1,
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
  b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at])
