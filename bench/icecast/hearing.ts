import { decodeAudio, wholeFrames } from '../../test/helpers/decoded-audio.ts'
import { listen, type Listening } from '../../test/helpers/icecast-server.ts'

const LONGEST_GAP = 0.03
const RETRY_MS = 100

export type Format = 'mp3' | 'aac' | 'opus'

export interface Heard {
  readonly seconds: number
  readonly connections: number
  readonly gaps: number
  readonly longestGapMs: number
  /** Lines of FFmpeg's decoder. */
  readonly undecodable: number
  /** The longest time without a byte, milliseconds: a player with a smaller buffer underruns. */
  readonly longestWaitMs: number
}

/** A listener that reconnects when it is dropped, like a radio. Each connection is judged separately. */
export class Hearing {
  readonly #url: string
  readonly #format: Format
  readonly #parts: Listening[] = []
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(url: string, format: Format) {
    this.#url = url
    this.#format = format
  }

  begin(): void {
    this.#running = this.#listen()
  }

  async end(): Promise<Heard> {
    this.#stop.abort()
    await this.#running
    const decoded = await Promise.all(
      this.#parts.map((part) => {
        const bytes = part.bytes()
        return this.#format === 'opus'
          ? decodeAudio(bytes, 'ogg', LONGEST_GAP)
          : decodeAudio(wholeFrames(bytes, this.#format), this.#format, LONGEST_GAP)
      }),
    )
    const gaps = decoded.flatMap(({ silences }) => silences.map(({ seconds }) => seconds * 1_000))
    return {
      seconds: decoded.reduce((sum, { seconds }) => sum + seconds, 0),
      connections: this.#parts.length,
      gaps: gaps.length,
      longestGapMs: Math.max(0, ...gaps),
      undecodable: decoded.reduce((sum, { complaints }) => sum + complaints.length, 0),
      longestWaitMs: this.#longestWait(),
    }
  }

  async #listen(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const part = await listen(this.#url).catch(() => undefined)
      // Icecast answers with a page for an unknown mount.
      if (part !== undefined && !/audio|ogg/.test(part.headers['content-type'] ?? '')) {
        part.leave()
      } else if (part !== undefined) {
        this.#parts.push(part)
        while (part.ended() === 'open' && !this.#stop.signal.aborted) await pause(RETRY_MS)
        part.leave()
      }
      await pause(RETRY_MS)
    }
  }

  #longestWait(): number {
    const times = this.#parts.flatMap(({ arrivals }) => arrivals.map(({ at }) => at))
    return times.reduce((longest, at, index) => {
      const before = times[index - 1]
      return before === undefined ? longest : Math.max(longest, at - before)
    }, 0)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
