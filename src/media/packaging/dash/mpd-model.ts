import type { Rational } from '../../../contract/format.ts'

/** Contents of a live MPD (ISO/IEC 23009-1, profile isoff-live). Wall times are milliseconds since 1970. */
export interface MpdInput {
  /** Time 0 of the presentation: must never change, not even over restarts. */
  readonly availabilityStartMs: number
  /** Publication of the newest segment. */
  readonly publishMs: number
  /** Time of the answer: the time for players that cannot ask for it. */
  readonly nowMs: number
  /** Seconds for which a player may use this MPD. */
  readonly minimumUpdatePeriod: number
  /** Duration listed, seconds. */
  readonly timeShiftBufferDepth: number
  /** Distance from the live edge that players should keep, seconds. */
  readonly suggestedPresentationDelay: number
  /** Media that a player should have before it starts, seconds. */
  readonly minBufferTime: number
  /** URL that returns the time as ISO 8601: a path of this server, or relative to the MPD. */
  readonly timeUrl: string
  /** Name of the channel. */
  readonly title?: string
  /** End of the presentation, seconds since time 0: players stop there and do not ask again. */
  readonly ended?: number
  readonly periods: readonly MpdPeriod[]
}

/** A set of representations within which none changes its initialisation segment. */
export interface MpdPeriod {
  /** Constant as long as any of its segments is listed. */
  readonly id: string
  /** 90 kHz ticks since `availabilityStartMs`. */
  readonly start: number
  /** Program time (ticks) that is presented at `start`. */
  readonly mediaStart: number
  readonly sets: readonly MpdAdaptationSet[]
}

/** Representations that a player may change between. */
export interface MpdAdaptationSet {
  /** Constant over all periods. */
  readonly id: number
  readonly kind: 'video' | 'audio'
  /** Language for the player (BCP 47, or ISO 639-2); absent: unknown. */
  readonly language?: string
  readonly role: 'main' | 'alternate'
  readonly representations: readonly MpdRepresentation[]
}

interface RepresentationCommon {
  /** Replaces $RepresentationID$ in the templates: no white space. */
  readonly id: string
  /** RFC 6381. */
  readonly codecs: string
  /** Bits per second. */
  readonly bandwidth: number
  /** Unit of the times in its segments: 1/timescale seconds. */
  readonly timescale: number
  /** Template of the initialisation segment's URL, relative to the MPD. */
  readonly initialization: string
  /** Template of the segments' URLs, with $Number$ or $Number%08d$. */
  readonly media: string
  /** Contiguous in number. Times should be too: dash.js stops at a hole, and continues behind a new period. */
  readonly segments: readonly MpdSegment[]
}

export interface MpdVideo extends RepresentationCommon {
  readonly kind: 'video'
  readonly width: number
  readonly height: number
  readonly frameRate?: Rational
  readonly pixelAspect?: Rational
}

export interface MpdAudio extends RepresentationCommon {
  readonly kind: 'audio'
  readonly sampleRate: number
  readonly channels: number
}

export type MpdRepresentation = MpdVideo | MpdAudio

/** Times are those of the program in 90 kHz ticks, and may be fractional. */
export interface MpdSegment {
  readonly number: number
  /** Time of its first picture or audio frame. */
  readonly start: number
  readonly duration: number
}
