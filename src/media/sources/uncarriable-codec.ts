import { isDrawnText } from '../../ffmpeg/mpegts-carriable.ts'
import type { StderrLine } from '../../ffmpeg/stderr-lines.ts'
import type { ElementaryTrack } from '../../mpegts/demuxer.ts'
import { registrationOf } from '../../mpegts/psi.ts'

/** Line of FFmpeg's mpegts muxer about a codec without a stream type, which no receiver could read. */
const PRIVATE = /Stream \d+, codec (\w+), is muxed as a private data stream/

const VIDEO =
  /^(?:av1|vp[3-9]\w*|theora|mjpeg\w*|jpeg\w*|png|rawvideo|prores|dnxhd|huffyuv|ffv1|h26[13]\w*|flv1|wmv\d|vc1|msmpeg4\w*|svq\d|rv\d\d|cinepak|dirac|gif|webp|hap|mpeg4|v210|dvvideo)$/

export interface UncarriableCodec {
  readonly kind: 'video' | 'audio' | 'text'
  readonly name: string
}

/** Codec that by this line can't be carried in a transport stream. */
export const uncarriableByLine = ({ text }: StderrLine): UncarriableCodec | undefined => {
  const name = PRIVATE.exec(text)?.[1]
  if (name === undefined) return undefined
  return { kind: isDrawnText(name) ? 'text' : VIDEO.test(name) ? 'video' : 'audio', name }
}

/**
 * Stream types that FFmpeg writes (ISO/IEC 13818-1 Table 2-34 and common use) and we do not read. FFmpeg is run for video
 * and audio only, so that a track that is neither to us is one of those.
 */
const VIDEO_TYPES: ReadonlyMap<number, string> = new Map([
  [0x01, 'mpeg1video'],
  [0x10, 'mpeg4'],
  [0x21, 'jpeg2000'],
  [0xd1, 'dirac'],
  [0xea, 'vc1'],
])

const PRIVATE_DATA = 0x06

export const uncarriableTrack = (track: ElementaryTrack): UncarriableCodec | undefined => {
  if (track.codec !== undefined) return undefined
  const video = VIDEO_TYPES.get(track.streamType)
  if (video !== undefined) return { kind: 'video', name: video }
  const registered = registrationOf(track.descriptors)
  // Private data without a name: FFmpeg's line has named it.
  if (track.streamType === PRIVATE_DATA && registered === '') return undefined
  const name = registered || `of stream type ${track.streamType}`
  return /^(?:AV01|VP\d\d)$/.test(name) ? { kind: 'video', name } : { kind: 'audio', name }
}
