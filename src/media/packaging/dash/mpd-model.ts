import type { Rational } from '../../../contract/format.ts'

/** What a live MPD (ISO/IEC 23009-1, profile isoff-live) tells. Wall times are milliseconds since 1970. */
export interface MpdInput {
  /** Time 0 of the presentation: must never change, over restarts too. */
  readonly availabilityStartMs: number
  /** When the newest segment was published. */
  readonly publishMs: number
  /** When this MPD is handed out: players that cannot ask for the time take it from here. */
  readonly nowMs: number
  /** Seconds: how long a player may go by this MPD. */
  readonly minimumUpdatePeriod: number
  /** Seconds that are listed. */
  readonly timeShiftBufferDepth: number
  /** Seconds behind the live edge at which players should stay. */
  readonly suggestedPresentationDelay: number
  /** Seconds that a player should have before it begins. */
  readonly minBufferTime: number
  /** Answers with the time as ISO 8601: a path of this server, or relative to the MPD. */
  readonly timeUrl: string
  /** Name of the channel. */
  readonly title?: string
  /** Seconds since time 0 at which all is over: players stop there and ask no more. */
  readonly ended?: number
  readonly periods: readonly MpdPeriod[]
}

/** A stretch of one set of representations, none of which changes its initialisation segment in it. */
export interface MpdPeriod {
  /** The same as long as any of its segments is listed. */
  readonly id: string
  /** 90 kHz ticks since `availabilityStartMs`. */
  readonly start: number
  /** Program time (ticks) that is presented at `start`. */
  readonly mediaStart: number
  readonly sets: readonly MpdAdaptationSet[]
}

/** Representations that a player may change between. */
export interface MpdAdaptationSet {
  /** The same in every period. */
  readonly id: number
  readonly kind: 'video' | 'audio'
  /** As a player should show it (BCP 47, or ISO 639-2); absent: unknown. */
  readonly language?: string
  readonly role: 'main' | 'alternate'
  readonly representations: readonly MpdRepresentation[]
}

interface RepresentationCommon {
  /** May stand for $RepresentationID$ in the templates: no white space. */
  readonly id: string
  /** RFC 6381. */
  readonly codecs: string
  /** Bits per second. */
  readonly bandwidth: number
  /** Of its times in the segments. */
  readonly timescale: number
  /** Template of the initialisation segment's address, relative to the MPD. */
  readonly initialization: string
  /** Template of the segments' addresses, with $Number$ or $Number%08d$. */
  readonly media: string
  /** Numbers without a hole. Times should have none either: dash.js stops at one, and goes on behind a new period. */
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
  /** Of its first picture or frame. */
  readonly start: number
  readonly duration: number
}
