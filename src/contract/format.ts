export type VideoCodec = 'h264' | 'hevc' | 'mpeg2video'
export type AudioCodec = 'aac' | 'aac_latm' | 'mp1' | 'mp2' | 'mp3' | 'ac3' | 'eac3'
export type Codec = VideoCodec | AudioCodec

export interface Rational {
  readonly num: number
  readonly den: number
}

/** What DESIGN.md section 3.10 compares: two pictures with equal VideoFormat may follow each other on one track. */
export interface VideoFormat {
  readonly codec: VideoCodec
  /** Profile family in lower case as FFmpeg names it: 'baseline', 'main', 'high', 'high10', 'main10', 'simple' … */
  readonly profile: string
  readonly chroma: '4:0:0' | '4:2:0' | '4:2:2' | '4:4:4'
  readonly depth: number
  /** Displayed size, after cropping. */
  readonly width: number
  readonly height: number
  /** Pictures per second (frames, not fields); absent where the stream does not tell (then it is measured from timestamps). */
  readonly frameRate?: Rational
  readonly scan: 'progressive' | 'interlaced'
  /** Level as the standard codes it (H.264: 31 means 3.1); for information, not compared. */
  readonly level?: number
}

export interface AudioFormat {
  readonly codec: AudioCodec
  /** AAC: 'lc', 'he', 'he_v2', 'main' … ; others: ''. */
  readonly profile: string
  readonly sampleRate: number
  readonly channels: number
  /** Samples per channel in one coded frame (AAC 1024, MP2 1152, AC-3 1536). */
  readonly frameSamples: number
}

export const isVideoCodec = (codec: string): codec is VideoCodec =>
  codec === 'h264' || codec === 'hevc' || codec === 'mpeg2video'

export const frameTicks = (audio: AudioFormat): number =>
  (audio.frameSamples * 90_000) / audio.sampleRate

const RATE_TOLERANCE = 0.0005

/** DESIGN.md 3.10. An absent frame rate agrees with any: it is measured from times, not told. */
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
