import type { AudioFormat } from '../../../contract/format.ts'
import type { Platform } from './platforms.ts'
import type { PushFrame } from './push-frame.ts'

const WINDOW_TICKS = 10 * 90_000
const TICKS_PER_SECOND = 90_000
/** Encoders keep a rate only on average. */
const TOLERANCE = 1.15

/** Compares the sent stream with the platform's recommendation. Each excess is reported once. */
export class PushAdvice {
  readonly #platform: Platform
  readonly #warn: (message: string) => void
  readonly #reported = new Map<string, string>()
  readonly #bits = { video: 0, audio: 0 }
  #windowStart: number | undefined
  #lastRapAt: number | undefined

  constructor(platform: Platform, warn: (message: string) => void) {
    this.#platform = platform
    this.#warn = warn
  }

  /** All reported warnings, or undefined. */
  get warnings(): string | undefined {
    return this.#reported.size === 0 ? undefined : [...this.#reported.values()].join('; ')
  }

  /** Format as sent: after encoding. */
  checkAudio({ codec, channels }: Pick<AudioFormat, 'codec' | 'channels'>): void {
    const { title, limits } = this.#platform
    if (!limits.audioCodecs.includes(codec)) {
      this.#report('codec', `${title} recommends ${limits.audioCodecs.join(' or ')}, not ${codec}`)
    }
    if (channels > 2)
      this.#report('channels', `${title} recommends stereo, not ${channels} channels`)
  }

  checkFrame(frame: PushFrame): void {
    this.#windowStart ??= frame.dts
    if (frame.dts - this.#windowStart >= WINDOW_TICKS) this.#checkBitrates(frame.dts)
    this.#bits[frame.kind] += frame.bytes.length * 8
    if (frame.kind === 'video' && frame.rap === 'key') this.#checkRapInterval(frame.pts)
  }

  #checkRapInterval(pts: number): void {
    const { title, limits } = this.#platform
    const seconds = this.#lastRapAt === undefined ? 0 : (pts - this.#lastRapAt) / TICKS_PER_SECOND
    this.#lastRapAt = pts
    if (seconds <= limits.keyFrameSeconds * TOLERANCE) return
    this.#report(
      'key',
      `${title} recommends a random access point every ${limits.keyFrameSeconds} s; they are ${seconds.toFixed(1)} s apart`,
    )
  }

  #checkBitrates(now: number): void {
    const { limits } = this.#platform
    const seconds = (now - this.#windowStart!) / TICKS_PER_SECOND
    this.#checkBitrate('video', this.#bits.video / seconds, limits.videoBitrate)
    this.#checkBitrate('audio', this.#bits.audio / seconds, limits.audioBitrate)
    this.#bits.video = 0
    this.#bits.audio = 0
    this.#windowStart = now
  }

  #checkBitrate(kind: 'video' | 'audio', rate: number, limit: number): void {
    if (rate <= limit * TOLERANCE) return
    this.#report(
      kind,
      `${this.#platform.title} recommends at most ${kbit(limit)} of ${kind}; it is ${kbit(rate)}`,
    )
  }

  #report(what: string, message: string): void {
    if (this.#reported.has(what)) return
    this.#reported.set(what, message)
    this.#warn(message)
  }
}

const kbit = (rate: number): string => `${Math.round(rate / 1_000)} kbit/s`
