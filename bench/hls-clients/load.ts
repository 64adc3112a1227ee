import { Agent, get } from 'node:http'

export interface LoadOptions {
  readonly clients: number
  /** Of the master or media playlist. */
  readonly url: string
  readonly pollMs: number
}

export interface LoadCounts {
  readonly requests: number
  readonly bytes: number
  readonly failures: number
  readonly segments: number
  /** Milliseconds from the request to the last byte, of segments. */
  readonly segmentMs: readonly number[]
}

interface Answer {
  readonly status: number
  readonly body: Buffer
}

/** Clients that poll a playlist and load each new segment once, as players do: one connection each. */
export class HlsLoad {
  readonly #options: LoadOptions
  readonly #timers: NodeJS.Timeout[] = []
  #requests = 0
  #bytes = 0
  #failures = 0
  #segments = 0
  #segmentMs: number[] = []

  constructor(options: LoadOptions) {
    this.#options = options
    for (let index = 0; index < options.clients; index++) this.#client(index)
  }

  take(): LoadCounts {
    const counts = {
      requests: this.#requests,
      bytes: this.#bytes,
      failures: this.#failures,
      segments: this.#segments,
      segmentMs: this.#segmentMs,
    }
    this.#requests = 0
    this.#bytes = 0
    this.#failures = 0
    this.#segments = 0
    this.#segmentMs = []
    return counts
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  #client(index: number): void {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { pollMs, clients } = this.#options
    let newest = -1
    let busy = false
    const poll = async (): Promise<void> => {
      if (busy) return
      busy = true
      try {
        newest = await this.#follow(agent, newest)
      } catch {
        this.#failures++
      }
      busy = false
    }
    // Spread over the interval, like players that joined at different times.
    setTimeout(
      () => this.#timers.push(setInterval(() => void poll(), pollMs)),
      (index * pollMs) / clients,
    )
  }

  /** One poll; returns the number of the newest segment that was loaded. */
  async #follow(agent: Agent, newest: number): Promise<number> {
    const { url } = this.#options
    const playlist = await this.#get(agent, url)
    if (playlist.status !== 200) return newest
    const lines = playlist.body.toString('utf8').split('\n')
    const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(lines.join('\n'))?.[1] ?? 0)
    const files = lines.filter((line) => line !== '' && !line.startsWith('#'))
    const last = first + files.length - 1
    // A new player starts near the live edge.
    let next = newest < 0 ? last - 1 : newest + 1
    for (; next <= last; next++) {
      const file = files[next - first]
      if (file === undefined) continue
      const begun = performance.now()
      const segment = await this.#get(agent, new URL(file, url).href)
      if (segment.status === 200) this.#segments++
      this.#segmentMs.push(performance.now() - begun)
    }
    return last
  }

  #get(agent: Agent, url: string): Promise<Answer> {
    this.#requests++
    return new Promise((resolve, reject) => {
      const request = get(url, { agent }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => {
          pieces.push(piece)
          this.#bytes += piece.length
        })
        response.on('end', () => {
          const status = response.statusCode ?? 0
          if (status !== 200) this.#failures++
          resolve({ status, body: Buffer.concat(pieces) })
        })
        response.on('error', reject)
      })
      request.on('error', reject)
    })
  }
}
