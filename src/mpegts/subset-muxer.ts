import type { Codec } from '../contract/format.ts'
import { ticks, ticksOfMs } from '../contract/time.ts'
import type { AccessUnit, Pid } from './access-unit.ts'
import { TsMuxer } from './muxer.ts'

/** Away from the PIDs of tables, whatever the source uses. */
const FIRST_PID: Pid = 0x100
/** Tracks may be this far apart; nothing here waits for the clock, so it costs nothing. */
const MUX_DELAY_TICKS = ticksOfMs(1_000)
const PSI_INTERVAL_TICKS = ticksOfMs(500)
/** ISO 639-2. */
const LANGUAGE = /^[a-z]{3}$/i

export interface SubsetTrack {
  readonly codec: Codec
  readonly language?: string
}

/**
 * Some of a program's tracks as a transport stream for FFmpeg's stdin, on timestamps of their own: away from zero and
 * from the 33-bit wrap, where FFmpeg shifts or guesses.
 */
export class SubsetMuxer {
  readonly #muxer: TsMuxer
  readonly #base: number
  #time = Number.NEGATIVE_INFINITY

  /** `base`: time of the program that becomes 0, ticks. */
  constructor(serviceName: string, tracks: readonly SubsetTrack[], base: number) {
    this.#base = base
    this.#muxer = new TsMuxer({
      tracks: tracks.map(({ codec, language }, track) => ({
        pid: FIRST_PID + track,
        codec,
        ...(language !== undefined && LANGUAGE.test(language) ? { language } : {}),
      })),
      serviceName,
      muxDelay: MUX_DELAY_TICKS,
      psiInterval: PSI_INTERVAL_TICKS,
    })
  }

  /** Whole packets; may be none. `track`: index in the list. */
  write(unit: AccessUnit, track: number): Uint8Array {
    const [pts, dts] = [ticks(unit.pts - this.#base), ticks(unit.dts - this.#base)]
    this.#time = Math.max(this.#time, dts)
    this.#muxer.advance(ticks(this.#time))
    this.#muxer.write({ track, pts, dts, rap: unit.rap !== 'none', data: unit.data })
    return this.#muxer.takeBatch().bytes
  }
}
