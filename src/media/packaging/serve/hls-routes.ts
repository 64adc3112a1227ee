import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HlsSpec } from '../../../contract/output-spec.ts'
import type { Clock } from '../../../lib/clock.ts'
import { readDirectives, tooFarAhead, type Directives } from './delivery-directives.ts'
import { isRenditionName, readFileName } from '../store/file-names.ts'
import { BlockedRequests } from './blocked-requests.ts'
import {
  acceptsGzip,
  answerPreflight,
  answerRefusal,
  answerWith,
  type Body,
  type Refusal,
} from './http-answer.ts'
import { renderMasterPlaylist, type MasterInput } from './master-playlist.ts'
import { hintedPart, renderMediaPlaylist, type RenditionReport } from './media-playlist.ts'
import { PlaylistCache, type RenderedText } from './playlist-cache.ts'
import type { Rendition } from '../store/rendition.ts'
import type { RenditionName, Segment } from '../store/segment-model.ts'
import type { SegmentStore } from '../store/segment-store.ts'
import { ViewerEstimate } from './viewer-estimate.ts'

export interface HlsRoutesOptions {
  readonly store: SegmentStore
  readonly settings: HlsSpec
  /** Whole seconds: EXT-X-TARGETDURATION. */
  readonly targetSeconds: number
  /** Undefined: a single media playlist, that of `stream_0`. */
  readonly master: () => MasterInput | undefined
  readonly clock: Clock
  /** Renders the MPD. */
  readonly manifest?: () => string
}

export interface HlsTraffic {
  readonly requests: number
  /** Bytes of bodies sent. */
  readonly bytes: number
  /** Distinct pairs of address and agent seen in the last three target durations. */
  readonly viewers: number
  /** Requests that wait for media that is not published yet. */
  readonly held: number
  /** Requests answered with 4xx or 5xx. */
  readonly refused: number
}

const ROOT: RenditionName = 'stream_0'
const MASTER = 'stream.m3u8'
const MEDIA = 'playlist.m3u8'
const MANIFESTS = new Set(['manifest.mpd', 'stream.mpd'])
const TIME = 'time'

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl'
const MPD_TYPE = 'application/dash+xml'
const TYPES = { ts: 'video/mp2t', m4s: 'video/iso.segment', mp4: 'video/mp4' } as const
/** Header of files whose name never gets other bytes. */
const CACHE_IMMUTABLE = 'public, max-age=86400, immutable'
const CACHE_REVALIDATE = 'no-cache'
const CACHE_MISSING = 'public, max-age=1'
/** RFC 8216bis, appendix B.1: an answer to a blocking request may be kept for six target durations. */
const BLOCKING_TARGETS = 6
/** RFC 8216bis, 6.2.5.2. */
const MAX_WAIT_TARGETS = 3
const MAX_HELD_REQUESTS = 10_000
const MAX_VIEWERS = 20_000
const MASTER_INTERVAL_MS = 1_000

/** HTTP of one HLS output. Texts are rendered and compressed once for all clients. */
export class HlsRoutes {
  readonly #options: HlsRoutesOptions
  readonly #held: BlockedRequests
  readonly #cache: PlaylistCache
  readonly #viewers: ViewerEstimate
  readonly #lines = new WeakMap<Segment, string>()
  #master: { readonly second: number; readonly input: MasterInput } | undefined
  #mpd = { text: '', version: 0 }
  #requests = 0
  #bytes = 0
  #refused = 0

  constructor(options: HlsRoutesOptions) {
    this.#options = options
    const maxWaitMs = MAX_WAIT_TARGETS * options.targetSeconds * 1_000
    this.#held = new BlockedRequests({
      clock: options.clock,
      maxRequests: MAX_HELD_REQUESTS,
      maxWaitMs,
    })
    this.#viewers = new ViewerEstimate(maxWaitMs, MAX_VIEWERS)
    this.#cache = new PlaylistCache(options.store.options.wallTime().toString(36))
  }

  /** `path` is relative to the output, without the query. Returns true when the request is answered or held. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const exchange: Exchange = { request, response }
    const answer = this.#route(exchange, path.startsWith('/') ? path.slice(1) : path)
    if (answer === undefined) return false
    this.#requests++
    response.on('error', () => {})
    const { method } = request
    if (method === 'OPTIONS') {
      answerPreflight(response)
    } else if (method === 'GET' || method === 'HEAD') {
      const { socket, headers } = request
      const agent = headers['user-agent'] ?? ''
      this.#viewers.addRequest(socket.remoteAddress ?? '', agent, this.#options.clock.now())
      answer()
    } else {
      this.#refuse(exchange, {
        status: 405,
        code: 'bad_request',
        message: `method ${method} is not possible here: use GET, HEAD or OPTIONS`,
        headers: ['Allow', 'GET, HEAD, OPTIONS'],
      })
    }
    return true
  }

  get traffic(): HlsTraffic {
    return {
      requests: this.#requests,
      bytes: this.#bytes,
      viewers: this.#viewers.count(this.#options.clock.now()),
      held: this.#held.count,
      refused: this.#refused,
    }
  }

  /** Answers the held requests with an error. */
  close(): void {
    this.#held.close()
  }

  /** Accepts only names of the form that the store makes: no path reaches the disk. */
  #route(exchange: Exchange, path: string): (() => void) | undefined {
    const { manifest } = this.#options
    if (path === MASTER) return () => this.#serveMaster(exchange)
    if (manifest !== undefined && MANIFESTS.has(path))
      return () => this.#serveManifest(exchange, manifest)
    if (path === TIME) return () => this.#serveTime(exchange)
    const slash = path.indexOf('/')
    const name = slash < 0 ? ROOT : path.slice(0, slash)
    const file = path.slice(slash + 1)
    if (!isRenditionName(name)) return undefined
    if (slash >= 0 && file === MEDIA) return () => this.#serveMedia(exchange, name, 'named')
    if (readFileName(file) === undefined) return undefined
    return () => this.#serveFile(exchange, name, file)
  }

  // ── playlists ──

  #serveMaster(exchange: Exchange): void {
    const second = Math.floor(this.#options.clock.now() / MASTER_INTERVAL_MS)
    const master = this.#master?.second === second ? this.#master.input : this.#options.master()
    if (master === undefined) {
      this.#serveMedia(exchange, ROOT, 'only')
      return
    }
    // It depends on running measurements: once a second is often enough.
    this.#master = { second, input: master }
    this.#answerText(
      exchange,
      this.#cache.textOf('master', second, () => renderMasterPlaylist(master)),
      CACHE_REVALIDATE,
    )
  }

  #serveMedia(exchange: Exchange, name: RenditionName, as: 'named' | 'only'): void {
    const rendition = this.#options.store.renditions.get(name)
    const read = readDirectives(exchange.request.url ?? '')
    if (!read.ok) {
      this.#badParameter(exchange, read)
      return
    }
    if (rendition === undefined) {
      this.#refuse(exchange, noRendition(name))
      return
    }
    const { directives } = read
    const { settings } = this.#options
    const ahead =
      rendition.segments.length === 0
        ? undefined
        : tooFarAhead(directives, rendition.segments, settings.partTarget)
    if (ahead !== undefined) {
      this.#badParameter(exchange, ahead)
      return
    }
    const { msn, part } = directives
    const ready = (): boolean =>
      msn === undefined ? rendition.segments.length > 0 : rendition.hasSegment(msn, part)
    const answer = (): void => this.#answerMedia(exchange, { rendition, directives, as })
    if (ready()) answer()
    else this.#hold(exchange, { rendition, ready, answer })
  }

  #answerMedia(exchange: Exchange, { rendition, directives, as }: MediaRequest): void {
    const { settings, targetSeconds } = this.#options
    const skip = directives.skip && settings.lowLatency
    const key = `${as}-${rendition.name}${skip ? '-delta' : ''}`
    const text = this.#cache.textOf(key, rendition.version, () =>
      renderMediaPlaylist({
        segments: rendition.segments,
        discontinuitySequence: rendition.discontinuitySequence,
        targetSeconds,
        startOffset: settings.startOffset,
        lowLatency: settings.lowLatency
          ? {
              partTarget: settings.partTarget,
              reports: as === 'only' ? [] : this.#reportsFor(rendition),
            }
          : undefined,
        skip,
        lines: this.#lines,
      }),
    )
    const kept = BLOCKING_TARGETS * targetSeconds
    this.#answerText(
      exchange,
      text,
      directives.msn === undefined ? CACHE_REVALIDATE : `public, max-age=${kept}`,
    )
  }

  #reportsFor(rendition: Rendition): readonly RenditionReport[] {
    const reports: RenditionReport[] = []
    for (const other of this.#options.store.renditions.values()) {
      const last = other.segments.at(-1)
      // Renditions of an earlier run that this one does not make are not in the master playlist.
      if (other === rendition || last === undefined || other.version === 0) continue
      reports.push({
        uri: `../${other.name}/${MEDIA}`,
        lastNumber: last.number,
        lastPart: Math.max(0, last.parts.length - 1),
      })
    }
    return reports
  }

  #answerText(exchange: Exchange, text: RenderedText, cache: string, type = PLAYLIST_TYPE): void {
    const common = { type, cache, varies: true }
    if (!acceptsGzip(exchange.request)) {
      this.#answer(exchange, { ...common, bytes: text.plain, etag: text.etag })
      return
    }
    const zipped = text.zipped()
    const answer = (bytes: Buffer): void =>
      this.#answer(exchange, { ...common, bytes, etag: text.zippedEtag, encoding: 'gzip' })
    if (zipped instanceof Promise) {
      zipped.then(answer, () =>
        this.#answer(exchange, { ...common, bytes: text.plain, etag: text.etag }),
      )
    } else {
      answer(zipped)
    }
  }

  #serveManifest(exchange: Exchange, manifest: () => string): void {
    const text = manifest()
    if (this.#mpd.text !== text) this.#mpd = { text, version: this.#mpd.version + 1 }
    const { version } = this.#mpd
    this.#answerText(
      exchange,
      this.#cache.textOf('mpd', version, () => text),
      CACHE_REVALIDATE,
      MPD_TYPE,
    )
  }

  /** UTCTiming, urn:mpeg:dash:utc:http-iso:2014. */
  #serveTime(exchange: Exchange): void {
    const text = new Date(this.#options.store.options.wallTime()).toISOString()
    this.#answer(exchange, {
      bytes: Buffer.from(text),
      type: 'text/plain',
      cache: 'no-store',
      etag: `"${text}"`,
    })
  }

  // ── segments, parts, initialisation segments ──

  #serveFile(exchange: Exchange, name: RenditionName, file: string): void {
    const rendition = this.#options.store.renditions.get(name)
    if (rendition === undefined) {
      this.#refuse(exchange, noRendition(name))
      return
    }
    const bytes = rendition.bytesOf(file)
    if (bytes === undefined) {
      this.#holdForPart(exchange, rendition, file)
    } else if (bytes instanceof Promise) {
      bytes.then(
        (read) => this.#answerFile(exchange, { name, file, bytes: read }),
        () => this.#refuse(exchange, missing(file)),
      )
    } else {
      this.#answerFile(exchange, { name, file, bytes })
    }
  }

  /** Holds a request for a hinted part; refuses it when another one came instead (RFC 8216bis, 6.2.6). */
  #holdForPart(exchange: Exchange, rendition: Rendition, file: string): void {
    const hinted = (): boolean => hintedPart(rendition.segments) === file
    if (!this.#options.settings.lowLatency || !hinted()) {
      this.#refuse(exchange, missing(file))
      return
    }
    this.#hold(exchange, {
      rendition,
      ready: () => !hinted(),
      answer: () => {
        const bytes = rendition.bytesOf(file)
        if (bytes === undefined || bytes instanceof Promise) this.#refuse(exchange, missing(file))
        else this.#answerFile(exchange, { name: rendition.name, file, bytes })
      },
    })
  }

  #answerFile(exchange: Exchange, { name, file, bytes }: FoundFile): void {
    const extension = file.slice(file.lastIndexOf('.') + 1)
    this.#answer(exchange, {
      bytes,
      type: extension === 'ts' || extension === 'm4s' ? TYPES[extension] : TYPES.mp4,
      cache: CACHE_IMMUTABLE,
      etag: `"${name}-${file}-${bytes.length}"`,
      ranges: true,
    })
  }

  // ── answers ──

  #hold(
    exchange: Exchange,
    held: {
      readonly rendition: Rendition
      readonly ready: () => boolean
      readonly answer: () => void
    },
  ): void {
    const refuse = (): void =>
      this.#refuse(exchange, {
        status: 503,
        code: 'not_reachable',
        message: 'the requested media was not published in time',
        headers: ['Retry-After', '1'],
      })
    if (!this.#held.hold({ ...held, response: exchange.response, refuse })) refuse()
  }

  #answer({ request, response }: Exchange, body: Body): void {
    if (response.destroyed) return
    this.#bytes += answerWith(request, response, body)
  }

  #refuse({ request, response }: Exchange, refusal: Refusal): void {
    if (response.destroyed) return
    this.#refused++
    answerRefusal(request, response, refusal)
  }

  #badParameter(
    exchange: Exchange,
    { parameter, why }: { readonly parameter: string; readonly why: string },
  ): void {
    this.#refuse(exchange, { status: 400, code: 'bad_request', message: why, parameter })
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface MediaRequest {
  readonly rendition: Rendition
  readonly directives: Directives
  readonly as: 'named' | 'only'
}

interface FoundFile {
  readonly name: RenditionName
  readonly file: string
  readonly bytes: Uint8Array
}

const missing = (file: string): Refusal => ({
  status: 404,
  code: 'file_missing',
  message: `${file} does not exist, or no longer`,
  cache: CACHE_MISSING,
})

const noRendition = (name: RenditionName): Refusal => ({
  status: 404,
  code: 'file_missing',
  message: `there is no rendition ${name}`,
  cache: CACHE_MISSING,
})
