import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { seconds } from './e2e-bench.ts'

const CHROMIUM = '/usr/bin/chromium'
const QUIET =
  '--no-sandbox --autoplay-policy=no-user-gesture-required --mute-audio --disable-gpu --no-first-run ' +
  '--disable-background-networking --disable-component-update --disable-quic'

const STALL_MS = 250

const require = createRequire(import.meta.url)
const SCRIPTS = {
  '/hls.js': require.resolve('hls.js/dist/hls.js'),
  '/dash.js': join(dirname(require.resolve('dashjs')), 'dash.all.min.js'),
} as const

export type PlayerKind = 'hls.js' | 'hls.js-low-latency' | 'native' | 'dash.js'

const PLAYERS: Record<PlayerKind, string> = {
  'hls.js': hlsJs('{ lowLatencyMode: false }'),
  // Without a rate to catch up with, hls.js keeps its initial latency.
  'hls.js-low-latency': hlsJs('{ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5 }'),
  native: `video.src = url
    video.addEventListener('error', () => faults.push('fatal ' + video.error.message))`,
  'dash.js': `
    const player = dashjs.MediaPlayer().create()
    player.on('error', (e) => faults.push('fatal ' + (e.error?.message ?? JSON.stringify(e.error))))
    player.initialize(video, url, true)
    window.player = player`,
}

function hlsJs(config: string): string {
  return `
    // By default a playlist is requested three times in three seconds: a restart takes longer on a busy machine.
    const playlistLoadPolicy = structuredClone(Hls.DefaultConfig.playlistLoadPolicy)
    playlistLoadPolicy.default.errorRetry.maxNumRetry = 8
    const hls = new Hls({ ...${config}, playlistLoadPolicy })
    hls.on(Hls.Events.ERROR, (_, e) => {
      faults.push((e.fatal ? 'fatal ' : 'passing ') + e.type + ' ' + e.details + ' ' + (e.error?.message ?? ''))
    })
    hls.loadSource(url)
    hls.attachMedia(video)
    window.hls = hls`
}

const page = (kind: PlayerKind, url: string): string => `<!doctype html>
<title>${kind}</title>
<style>body { margin: 0; background: #000 } video { width: 640px; height: 360px }</style>
<video muted autoplay playsinline></video>
${kind === 'native' ? '' : `<script src="/${kind.startsWith('hls') ? 'hls' : 'dash'}.js"></script>`}
<script>
  const faults = (window.faults = [])
  const video = document.querySelector('video')
  const url = ${JSON.stringify(url)}
  ${PLAYERS[kind]}
</script>`

export interface Playback {
  /** Media seconds per second. */
  readonly rate: number
  /** Longest time in which the player's clock stood still. */
  readonly longestStallMs: number
  /** Number of stalls above 250 ms. */
  readonly stalls: number
  readonly fatal: readonly string[]
  /** Errors that the player recovered from. */
  readonly passing: readonly string[]
}

/** Chromium with one page per player, served from another port of this machine, as the player of a web site. */
export class PlayerPages {
  readonly #server: Server
  readonly #browser: Browser
  readonly #pages = new Map<string, string>()

  private constructor(server: Server, browser: Browser, pages: Map<string, string>) {
    this.#server = server
    this.#browser = browser
    this.#pages = pages
  }

  static async open(): Promise<PlayerPages> {
    const pages = new Map<string, string>()
    const server = createServer((request, response) => {
      const path = (request.url ?? '').split('?')[0]!
      const script = path in SCRIPTS ? SCRIPTS[path as keyof typeof SCRIPTS] : undefined
      if (script !== undefined) {
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(script))
        return
      }
      const html = pages.get(path)
      response
        .writeHead(html === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' })
        .end(html)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(' ') })
    return new PlayerPages(server, browser, pages)
  }

  /** Resolves when it plays. */
  async play(kind: PlayerKind, url: string): Promise<PlayingPage> {
    const path = `/${this.#pages.size}.html`
    this.#pages.set(path, page(kind, url))
    const { port } = this.#server.address() as AddressInfo
    const opened = await this.#browser.newPage({ viewport: { width: 640, height: 360 } })
    await opened.goto(`http://127.0.0.1:${port}${path}`)
    const playing = new PlayingPage(opened)
    await playing.untilPlaying()
    return playing
  }

  async close(): Promise<void> {
    await this.#browser.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export class PlayingPage {
  readonly page: Page

  constructor(opened: Page) {
    this.page = opened
  }

  async untilPlaying(withinSeconds = 30): Promise<void> {
    const before = await this.#time()
    for (let i = 0; i < withinSeconds * 10; i++) {
      if ((await this.#time()) > before + 0.5) return
      await seconds(0.1)
    }
    throw new Error(`does not play: ${JSON.stringify(await this.faults())}`)
  }

  faults(): Promise<string[]> {
    return this.page.evaluate<string[]>('window.faults')
  }

  /** Samples the playback position while `during` runs. */
  async watch(during: () => Promise<unknown>): Promise<Playback> {
    const before = (await this.faults()).length
    await this.page.evaluate(`
      window.samples = []
      clearInterval(window.sampler)
      window.sampler = setInterval(
        () => window.samples.push([performance.now(), document.querySelector('video').currentTime]), 20)`)
    await during()
    const samples = await this.page.evaluate<[number, number][]>('window.samples')
    const faults = (await this.faults()).slice(before)
    let longestStallMs = 0
    let stalls = 0
    let moved = samples[0]!
    for (const sample of samples) {
      const stood = sample[0] - moved[0]
      longestStallMs = Math.max(longestStallMs, stood)
      if (sample[1] === moved[1]) continue
      if (stood > STALL_MS) stalls++
      moved = sample
    }
    const [first, last] = [samples[0]!, samples.at(-1)!]
    return {
      rate: ((last[1] - first[1]) * 1_000) / (last[0] - first[0]),
      longestStallMs,
      stalls,
      fatal: faults.filter((fault) => fault.startsWith('fatal')),
      passing: faults.filter((fault) => fault.startsWith('passing')),
    }
  }

  /** Milliseconds from play-out of a picture (EXT-X-PROGRAM-DATE-TIME) to its presentation, sampled. hls.js only. */
  async latencies(count: number, everySeconds: number): Promise<number[]> {
    const found: number[] = []
    for (let i = 0; i < count; i++) {
      await seconds(everySeconds)
      const latency = await this.page.evaluate<number | null>(
        'window.hls.playingDate === null ? null : Date.now() - window.hls.playingDate.getTime()',
      )
      if (latency !== null) found.push(latency)
    }
    return found
  }

  async screenshot(path: string): Promise<void> {
    await this.page.screenshot({ path })
  }

  #time(): Promise<number> {
    return this.page.evaluate<number>("document.querySelector('video').currentTime")
  }
}
