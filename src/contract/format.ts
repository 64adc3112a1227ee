import { z } from 'zod'
export const VideoCodec = z.enum(['h264', 'hevc', 'mpeg2video'])
export type VideoCodec = z.infer<typeof VideoCodec>
export const AudioCodec = z.enum(['aac', 'aac_latm', 'mp1', 'mp2', 'mp3', 'ac3', 'eac3'])
export type AudioCodec = z.infer<typeof AudioCodec>
export type Codec = VideoCodec | AudioCodec

export const Rational = z
  .object({
    num: z.number(),
    den: z.number(),
  })
  .readonly()
export type Rational = z.infer<typeof Rational>

/** Compared by DESIGN.md section 3.10: video of equal VideoFormat may follow each other on one track. */
export const VideoFormat = z
  .object({
    codec: VideoCodec,
    /** Profile family in lower case as FFmpeg names it: 'baseline', 'main', 'high', 'high10', 'main10', 'simple' … */
    profile: z.string(),
    chroma: z.enum(['4:0:0', '4:2:0', '4:2:2', '4:4:4']),
    depth: z.number(),
    /** Displayed size, after cropping. */
    width: z.number(),
    height: z.number(),
    /** Pictures per second (frames, not fields); absent when not signalled (then it is measured from timestamps). */
    frameRate: z.exactOptional(Rational),
    scan: z.enum(['progressive', 'interlaced']),
    /** Level as the standard codes it (H.264: 31 means 3.1); for information, not compared. */
    level: z.exactOptional(z.number()),
  })
  .readonly()
export type VideoFormat = z.infer<typeof VideoFormat>

export const AudioFormat = z
  .object({
    codec: AudioCodec,
    /** AAC: 'lc', 'he', 'he_v2', 'main' … ; others: ''. */
    profile: z.string(),
    sampleRate: z.number(),
    channels: z.number(),
    /** Samples per channel in one coded frame (AAC 1024, MP2 1152, AC-3 1536). */
    frameSamples: z.number(),
  })
  .readonly()
export type AudioFormat = z.infer<typeof AudioFormat>

export const isVideoCodec = (codec: string): codec is VideoCodec =>
  codec === 'h264' || codec === 'hevc' || codec === 'mpeg2video'

export const frameTicks = (audio: AudioFormat): number =>
  (audio.frameSamples * 90_000) / audio.sampleRate

const RATE_TOLERANCE = 0.0005

/** DESIGN.md 3.10. An absent frame rate agrees with any: it is measured from timestamps. */
export const sameVideo = (a: VideoFormat, b: VideoFormat): boolean =>
  a.codec === b.codec &&
  a.profile === b.profile &&
  a.chroma === b.chroma &&
  a.depth === b.depth &&
  a.width === b.width &&
  a.height === b.height &&
  a.scan === b.scan &&
  (a.frameRate === undefined || b.frameRate === undefined || sameRate(a.frameRate, b.frameRate))

/** 29.97 is written as 30000/1001 and as 2997/100; 30 is another rate. */
const sameRate = (a: Rational, b: Rational): boolean =>
  Math.abs((a.num * b.den) / (a.den * b.num) - 1) < RATE_TOLERANCE

export const sameAudio = (a: AudioFormat, b: AudioFormat): boolean =>
  a.codec === b.codec &&
  a.profile === b.profile &&
  a.sampleRate === b.sampleRate &&
  a.channels === b.channels &&
  a.frameSamples === b.frameSamples
