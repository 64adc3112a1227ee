import type { Codec } from '../../contract/format.ts'
import { ticks, ticksOfMs } from '../../contract/time.ts'
import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { TsMuxer } from '../../mpegts/muxer.ts'

const FIRST_PID = 0x100
/** Tracks may be this far apart; nobody waits for the clock here, so it costs nothing. */
const MUX_DELAY_TICKS = ticksOfMs(1_000)
const TABLE_INTERVAL_TICKS = ticksOfMs(500)
const LANGUAGE = /^[a-z]{3}$/i

export interface EncoderTracks {
  /** Undefined: no rung has a picture. */
  readonly video: Codec | undefined
  /** Undefined: no rung has sound. */
  readonly audio: Codec | undefined
  /** One per audio track. */
  readonly languages: readonly string[]
}

/**
 * The program again as a transport stream, for an encoder's stdin: with times of its own that stay away from zero and
 * from the 33-bit wrap (where FFmpeg shifts or guesses), and only with the tracks that are encoded.
 */
export class EncoderMux {
  readonly #tracks: EncoderTracks
  readonly #muxer: TsMuxer
  readonly #base: number
  #time = Number.NEGATIVE_INFINITY

  /** `base`: program time that becomes 0. */
  constructor(tracks: EncoderTracks, base: number) {
    this.#tracks = tracks
    this.#base = base
    const { video, audio, languages } = tracks
    this.#muxer = new TsMuxer({
      tracks: [
        ...(video === undefined ? [] : [{ pid: FIRST_PID, codec: video }]),
        ...(audio === undefined
          ? []
          : languages.map((language, track) => ({
              pid: FIRST_PID + 1 + track,
              codec: audio,
              ...(LANGUAGE.test(language) ? { language } : {}),
            }))),
      ],
      serviceName: 'encoder',
      muxDelay: MUX_DELAY_TICKS,
      psiInterval: TABLE_INTERVAL_TICKS,
    })
  }

  /** Undefined for a unit of a track that is not encoded. */
  write(unit: AccessUnit, track: number): Uint8Array | undefined {
    const { video, audio, languages } = this.#tracks
    const codec = unit.kind === 'video' ? video : audio
    if (codec === undefined || (unit.kind === 'audio' && track >= languages.length))
      return undefined
    const [pts, dts] = [ticks(unit.pts - this.#base), ticks(unit.dts - this.#base)]
    this.#time = Math.max(this.#time, dts)
    this.#muxer.advance(ticks(this.#time))
    this.#muxer.write({
      track: unit.kind === 'video' ? 0 : track + (video === undefined ? 0 : 1),
      pts,
      dts,
      rap: unit.rap !== 'none',
      data: unit.data,
    })
    return this.#muxer.takeBatch().bytes
  }
}
