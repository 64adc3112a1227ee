import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OutputId } from '../../contract/ids.ts'
import type { HlsSpec } from '../../contract/output-spec.ts'
import type { MediaPath } from '../../contract/paths.ts'
import type { OutputStatus } from '../../contract/status.ts'
import { TICKS_PER_SECOND } from '../../contract/time.ts'
import { untilAborted, type Clock, type Timer } from '../../lib/clock.ts'
import { HeldRequests } from '../viewers/held-requests.ts'
import type { Output } from '../outputs/interface/output.ts'
import type { Lease, SharedParts } from './shared-parts.ts'
import { DashManifest } from './serve/dash-manifest.ts'
import { maxGopTicksOf } from './segment/grid.ts'
import { HlsRoutes } from './serve/hls-routes.ts'
import { answerRefusal, type Refusal } from './serve/http-answer.ts'
import { isComplete, masterInput } from './serve/master-input.ts'
import type { Packager } from './segment/packager.ts'
import type { Container } from './segment/packaging-plan.ts'
import type { PackagingSession } from './segment/packaging-session.ts'

export interface HlsOutputOptions {
  readonly id: OutputId
  readonly url: string
  readonly kind: 'hls' | 'dash'
  readonly spec: HlsSpec
  readonly title: string
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly container: Container
  readonly packagers: SharedParts<Packager>
  /** Outputs with the same name share a packager. */
  readonly packagerName: string
  readonly createPackager: () => Packager
}

interface Service {
  readonly session: PackagingSession
  readonly routes: HlsRoutes
  readonly manifest: DashManifest | undefined
}

/** Number of segments over which the bit rate is measured. */
const MEASURED_SEGMENTS = 5
const HELD_CHECK_INTERVAL_MS = 50
/** After this many segments without a rung its encoder is not waited for: the others are worth playing. */
const MAX_WAIT_SEGMENTS = 3

/** Serves the program as HLS or DASH. Its packager may be shared by several outputs. */
export class HlsOutput implements Output {
  readonly id: OutputId
  readonly kind: 'hls' | 'dash'
  readonly maxGopTicks: number
  readonly #options: HlsOutputOptions
  #lease: Lease<Packager> | undefined
  #service: Service | undefined
  readonly #held: HeldRequests
  #heldTimer: Timer | undefined

  constructor(options: HlsOutputOptions) {
    this.#options = options
    this.id = options.id
    this.kind = options.kind
    this.maxGopTicks = maxGopTicksOf(options.spec.segmentTime)
    this.#held = new HeldRequests(options.clock)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { packagers, packagerName, createPackager } = this.#options
    const lease = packagers.lease(packagerName, createPackager)
    this.#lease = lease
    await untilAborted(signal)
    this.#closeService()
    this.#lease = undefined
    this.#held.release(() => false)
    this.#heldTimer?.cancel()
    await lease.release()
  }

  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    const own = this.#ownFile(path)
    if (own === undefined) return false
    const service = this.#currentService()
    if (service !== undefined && this.#isServable(service, own))
      return service.routes.serve(request, response, own)
    const { state, lastError } = this.#lease?.part ?? {}
    if (state === 'failed' && lastError !== undefined)
      answerRefusal(request, response, { status: 503, code: 'not_reachable', message: lastError })
    else this.#hold(request, response, path)
    return true
  }

  /** Holds a request over a restart, which takes a moment: players count refusals. */
  #hold(request: IncomingMessage, response: ServerResponse, path: MediaPath): void {
    this.#held.hold(request, response, path)
    // Removed or stopping: no session will come.
    if (this.#lease === undefined) return this.#held.release(() => false)
    this.#heldTimer ??= this.#options.clock.every(HELD_CHECK_INTERVAL_MS, () => this.#retryHeld())
  }

  #retryHeld(): void {
    this.#held.retry((request, response, path) => {
      const own = this.#ownFile(path)
      const service = this.#currentService()
      if (own === undefined || service === undefined || !this.#isServable(service, own))
        return false
      if (!service.routes.serve(request, response, own)) answerRefusal(request, response, NOT_FOUND)
      return true
    })
    if (this.#held.count > 0) return
    this.#heldTimer?.cancel()
    this.#heldTimer = undefined
  }

  /** A player reads the list of variants once: it is served when complete. */
  #isServable({ session, manifest }: Service, path: string): boolean {
    const { main, figures } = session
    if (main.rendition.segments.length === 0) return false
    if (path !== 'stream.m3u8' && !path.endsWith('.mpd')) return true
    if (manifest?.isReady(this.#options.wallTime()) === false) return false
    return isComplete(session) || figures.segments >= MAX_WAIT_SEGMENTS
  }

  status(): OutputStatus {
    const packager = this.#lease?.part
    const session = packager?.session
    const { id, kind } = this
    const lastError = packager?.lastError
    return {
      id,
      kind,
      url: this.#options.url,
      state: packager?.state ?? 'starting',
      bytes: session?.figures.bytes ?? 0,
      bitrate: session === undefined ? 0 : bitrateOf(session),
      lagMs: Math.round(session?.lagMs ?? 0),
      skips: session?.figures.gaps ?? 0,
      errors: packager?.errors ?? 0,
      reconnects: packager?.encoder?.restarts ?? 0,
      ...(lastError === undefined ? {} : { lastError }),
      ...(session === undefined ? {} : { details: this.#details(session, packager?.encoder) }),
    }
  }

  #details(
    session: PackagingSession,
    encoder: Packager['encoder'],
  ): NonNullable<OutputStatus['details']> {
    const { plan, figures, main, ladder } = session
    const { traffic } = this.#currentService()!.routes
    return {
      container: plan.container,
      targetSeconds: plan.targetSeconds,
      segments: figures.segments,
      listed: main.rendition.segments.filter(({ state }) => state !== 'gap').length,
      mediaSequence: main.rendition.segments[0]?.number ?? 0,
      discontinuities: figures.discontinuities,
      storedBytes: session.store.bytes,
      viewers: traffic.viewers,
      requests: traffic.requests,
      sentBytes: traffic.bytes,
      ...(plan.partTicks === undefined ? {} : { partSeconds: plan.partTicks / TICKS_PER_SECOND }),
      ...(plan.rungs.length === 0 && plan.leftOut.length === 0
        ? {}
        : {
            rungs: ladder.streams
              .map(({ name }) => `${name} ${heightOf(session, name)}p`)
              .join(', '),
            leftOut: plan.leftOut.map((height) => `${height}p`).join(', '),
            encoder: encoder?.state ?? 'none',
            encoderSkips: encoder?.skips ?? 0,
            ...(encoder?.pid === undefined ? {} : { encoderPid: encoder.pid }),
          }),
    }
  }

  /** Routes of the current session; after a fault there is another session. */
  #currentService(): Service | undefined {
    const session = this.#lease?.part.session
    if (session === this.#service?.session) return this.#service
    this.#closeService()
    if (session === undefined) return undefined
    const { kind, spec, clock, title, wallTime } = this.#options
    const manifest = kind === 'dash' ? new DashManifest(session, title) : undefined
    const { store, plan } = session
    const partTarget =
      plan.partTicks === undefined ? {} : { partTarget: plan.partTicks / TICKS_PER_SECOND }
    const routes = new HlsRoutes({
      store,
      settings: { ...spec, ...partTarget },
      targetSeconds: plan.targetSeconds,
      master: () => masterInput(session),
      clock,
      ...(manifest === undefined ? {} : { manifest: () => manifest.render(wallTime()) }),
    })
    this.#service = { session, routes, manifest }
    return this.#service
  }

  #closeService(): void {
    this.#service?.routes.close()
    this.#service = undefined
  }

  /** `/live/` belongs to both kinds: playlists to HLS, the MPD to DASH, segments to the kind of their container. */
  #ownFile(path: MediaPath): string | undefined {
    if (path.kind !== 'packaged') return undefined
    const { output, file } = path
    if (output !== 'live') return output === this.kind ? file : undefined
    if (file === 'time') return this.kind === 'dash' ? file : undefined
    const extension = file.slice(file.lastIndexOf('.') + 1)
    const manifest = this.kind === 'hls' ? 'm3u8' : 'mpd'
    const mine = this.#options.container === 'ts' ? ['ts'] : ['m4s', 'mp4']
    return extension === manifest || mine.includes(extension) ? file : undefined
  }
}

const NOT_FOUND: Refusal = {
  status: 404,
  code: 'bad_request',
  message: 'there is nothing of this name',
}

const heightOf = ({ plan }: PackagingSession, name: string): number => {
  const rung = plan.rungs.find((each) => each.name === name)
  return rung === undefined || rung.video === 'none' ? 0 : rung.video.height
}

/** Sum of the renditions' averages over their newest segments, bits per second. */
function bitrateOf({ store }: PackagingSession): number {
  let sum = 0
  for (const { segments } of store.renditions.values()) {
    const newest = segments.slice(-MEASURED_SEGMENTS).filter(({ state }) => state === 'done')
    const ticks = newest.reduce((total, { duration }) => total + duration, 0)
    const bytes = newest.reduce((total, segment) => total + segment.bytes, 0)
    if (ticks > 0) sum += (bytes * 8 * TICKS_PER_SECOND) / ticks
  }
  return Math.round(sum)
}
