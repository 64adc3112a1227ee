import { createVideoInspector } from '../../../codec/video-inspector.ts'
import { sameVideo, type AudioCodec, type VideoFormat } from '../../../contract/format.ts'
import { sameTrack, videoTrackOf } from '../../../mp4/track-config.ts'
import type { Mp4VideoTrack } from '../../../mp4/track.ts'

/** `parameters`: another parameter set of the same format; `format`: a decoder must be set up again. */
export type ConfigChange = 'none' | 'parameters' | 'format'

/** Video decoder configuration, read from the random access points. */
export class VideoDecoderConfig {
  readonly #inspector: ReturnType<typeof createVideoInspector>
  #format: VideoFormat | undefined
  #track: Mp4VideoTrack | undefined

  constructor(codec: VideoFormat['codec']) {
    this.#inspector = createVideoInspector(codec)
  }

  get format(): VideoFormat | undefined {
    return this.#format
  }

  /** Undefined before the first random access point, and for MPEG-2. */
  get track(): Mp4VideoTrack | undefined {
    return this.#track
  }

  /** `rap`: a random access point with parameter sets in front. */
  update(rap: Uint8Array): ConfigChange {
    const { format } = this.#inspector.inspect(rap)
    if (format === undefined) return 'none'
    const [oldFormat, oldTrack] = [this.#format, this.#track]
    this.#format = format
    this.#track = videoTrackOf(1, format, rap) ?? oldTrack
    if (oldFormat !== undefined && !sameVideo(oldFormat, format)) return 'format'
    const same =
      oldTrack === undefined || this.#track === undefined || sameTrack(oldTrack, this.#track)
    return same ? 'none' : 'parameters'
  }
}

/**
 * A number that changes when an audio decoder must be set up again: with sample rate or channels. Read from the frame
 * header: ISO/IEC 13818-7 6.2, ISO/IEC 11172-3 2.4.1.3, ETSI TS 102 366 4.3 and E.1.2.
 */
export function audioConfigKey(codec: AudioCodec, frame: Uint8Array): number {
  const at = (index: number): number => frame[index] ?? 0
  switch (codec) {
    case 'aac':
      // Profile, sampling frequency and channels without the private bit.
      return ((at(2) & 0xfd) << 8) | (at(3) >> 6)
    case 'mp1':
    case 'mp2':
    case 'mp3':
      return ((at(1) & 0x18) << 16) | ((at(2) & 0x0c) << 8) | (at(3) >> 6 === 3 ? 1 : 2)
    case 'ac3':
      return ((at(4) >> 6) << 8) | (at(6) >> 5)
    case 'eac3':
      return ((at(4) >> 6) << 8) | (at(4) & 0x0e)
    case 'aac_latm':
      return 0
  }
}
