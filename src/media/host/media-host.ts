import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { MediaAccess } from '../../contract/access.ts'
import { SluiceError } from '../../contract/errors.ts'
import type { StampedEvent } from '../../contract/events.ts'
import type { ChannelId } from '../../contract/ids.ts'
import {
  MEDIA_PROTOCOL,
  type ChannelGeneration,
  type Deadline,
  type Epoch,
  type EventPosition,
  type Hello,
  type HelloAnswer,
  type MediaPort,
  type WantedChannel,
} from '../../contract/media-port.ts'
import { readPath } from '../../contract/paths.ts'
import type { ChannelSpec } from '../../contract/spec.ts'
import type { ChannelStatus, RecordingStatus, ViewerStatus } from '../../contract/status.ts'
import type { TakeAnswer } from '../../contract/commands.ts'
import { type Clock, untilAborted } from '../../lib/clock.ts'
import type { Channel } from '../channel/channel.ts'
import { reconcile } from '../channel/reconcile.ts'
import type { EventSink } from '../channel/channel-parts.ts'
import { EventLog, type EventLogOptions } from './event-log.ts'
import { MediaGate } from './media-gate.ts'
import { answered } from './answered.ts'
import { checkIds } from './unique-ids.ts'

/** Methods of a channel that the host calls. */
export type HostedChannel = Pick<
  Channel,
  | 'run'
  | 'apply'
  | 'take'
  | 'status'
  | 'disconnectViewer'
  | 'recordings'
  | 'deleteRecording'
  | 'handle'
>

export interface MediaHostOptions extends EventLogOptions {
  readonly epoch: Epoch
  /** Served also without a channel in the address. */
  readonly defaultChannel: ChannelId
  readonly clock: Clock
  /** Throws SluiceError for a spec that cannot be opened. Nothing runs yet. */
  readonly createChannel: (id: ChannelId, spec: ChannelSpec, events: EventSink) => HostedChannel
  /** A channel ended by itself. */
  readonly onFault: (channel: ChannelId, error: unknown) => void
  /** Initial policy. */
  readonly access: MediaAccess
}

interface Hosted {
  readonly channel: HostedChannel
  readonly spec: ChannelSpec
  readonly stop: AbortController
  readonly ended: Promise<void>
}

const CAPABILITIES = ['viewers', 'recordings', 'access'] as const

/** All channels of a process, by id: the wanted state of each with its generation, and the running channel. */
export class MediaHost implements MediaPort {
  readonly #options: MediaHostOptions
  readonly #log: EventLog
  readonly #gate: MediaGate
  readonly #hosted = new Map<ChannelId, Hosted>()
  /** The last one that was applied or removed: an older one must not undo it. */
  readonly #generations = new Map<ChannelId, number>()
  /** Changes of a channel are carried out one after the other. */
  readonly #changes = new Map<ChannelId, Promise<void>>()

  constructor(options: MediaHostOptions) {
    this.#options = options
    this.#log = new EventLog(options)
    this.#gate = new MediaGate(options.access)
  }

  /** Resolves after an abort, when every channel has ended; then the events end too. */
  async run(signal: AbortSignal): Promise<void> {
    await untilAborted(signal)
    // A pending change may wait for something that only the end of its channel ends.
    for (const { stop } of this.#hosted.values()) stop.abort()
    await Promise.all(this.#changes.values())
    await Promise.all([...this.#hosted.keys()].map((id) => this.#stop(id)))
    this.#log.close()
  }

  /** Media over HTTP. True when the request is being answered. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = readPath(request.url ?? '', this.#options.defaultChannel)
    if (path === undefined) return false
    const hosted = this.#hosted.get(path.channel)
    if (hosted === undefined) return false
    // Refused requests are answered too.
    return (
      !this.#gate.admit(request, response) || hosted.channel.handle({ request, response, path })
    )
  }

  hello(request: Hello, within?: Deadline): Promise<HelloAnswer> {
    return this.#answer(request, within, async ({ version }) => {
      if (version === MEDIA_PROTOCOL) {
        return { version, epoch: this.#options.epoch, capabilities: CAPABILITIES }
      }
      throw new SluiceError(
        'version_mismatch',
        `version ${version} of the media protocol is not spoken here: it is ${MEDIA_PROTOCOL}`,
      )
    })
  }

  channels(within?: Deadline): Promise<readonly ChannelGeneration[]> {
    return this.#answer(undefined, within, async () =>
      [...this.#hosted.keys()].map((channel) => ({
        channel,
        generation: this.#generations.get(channel) ?? 0,
      })),
    )
  }

  apply(wanted: WantedChannel, within?: Deadline): Promise<void> {
    return this.#answer(wanted, within, (own) => this.#change(own.channel, () => this.#apply(own)))
  }

  remove(removed: ChannelGeneration, within?: Deadline): Promise<void> {
    return this.#answer(removed, within, ({ channel, generation }) =>
      this.#change(channel, async () => {
        const last = this.#generations.get(channel) ?? 0
        if (generation < last || (generation === last && this.#hosted.has(channel))) {
          throw stale(channel, generation, last)
        }
        this.#generations.set(channel, generation)
        await this.#stop(channel)
      }),
    )
  }

  take(request: Parameters<MediaPort['take']>[0], within?: Deadline): Promise<TakeAnswer> {
    return this.#answer(request, within, async ({ channel, take }) =>
      this.#channel(channel).take(take),
    )
  }

  status(id: ChannelId, within?: Deadline): Promise<ChannelStatus> {
    return this.#answer(id, within, async (channel) => this.#channel(channel).status())
  }

  viewers(id: ChannelId, within?: Deadline): Promise<readonly ViewerStatus[]> {
    return this.#answer(id, within, async (channel) => this.#channel(channel).status().viewers)
  }

  disconnectViewer(
    viewer: Parameters<MediaPort['disconnectViewer']>[0],
    within?: Deadline,
  ): Promise<boolean> {
    return this.#answer(viewer, within, async ({ channel, path, id }) =>
      this.#channel(channel).disconnectViewer(path, id),
    )
  }

  recordings(id: ChannelId, within?: Deadline): Promise<readonly RecordingStatus[]> {
    return this.#answer(id, within, async (channel) => this.#channel(channel).recordings())
  }

  deleteRecording(
    recording: Parameters<MediaPort['deleteRecording']>[0],
    within?: Deadline,
  ): Promise<boolean> {
    return this.#answer(recording, within, async ({ channel, output, name }) =>
      this.#channel(channel).deleteRecording(output, name),
    )
  }

  setAccess(access: MediaAccess, within?: Deadline): Promise<void> {
    return this.#answer(access, within, async (own) => this.#gate.setAccess(own))
  }

  events(after: EventPosition, signal: AbortSignal): AsyncIterable<StampedEvent> {
    return this.#log.read(structuredClone(after), signal)
  }

  ack(upTo: EventPosition, within?: Deadline): Promise<void> {
    return this.#answer(upTo, within, async (own) => this.#log.ack(own))
  }

  #answer<Request, Answer>(
    request: Request,
    within: Deadline | undefined,
    work: (request: Request) => Promise<Answer>,
  ): Promise<Answer> {
    return answered(() => work(structuredClone(request)), within, this.#options.clock)
  }

  async #apply({ channel: id, spec, generation }: WantedChannel): Promise<void> {
    const last = this.#generations.get(id) ?? 0
    const hosted = this.#hosted.get(id)
    const isSame = hosted !== undefined && isDeepStrictEqual(hosted.spec, spec)
    if (generation < last || (generation === last && !isSame)) throw stale(id, generation, last)
    if (generation === last) return
    checkIds(spec)
    if (hosted === undefined) this.#start(id, spec, this.#create(id, spec))
    else await this.#reach(id, hosted, spec)
    this.#generations.set(id, generation)
  }

  async #reach(id: ChannelId, hosted: Hosted, spec: ChannelSpec): Promise<void> {
    const operations = reconcile(hosted.spec, spec)
    if (operations[0]?.kind === 'restart') {
      // Created first: when it cannot be opened, the old one stays on the air.
      const channel = this.#create(id, spec)
      await this.#stop(id)
      this.#start(id, spec, channel)
      return
    }
    await hosted.channel.apply(operations)
    this.#hosted.set(id, { ...hosted, spec })
  }

  #create(id: ChannelId, spec: ChannelSpec): HostedChannel {
    return this.#options.createChannel(id, spec, {
      logEvent: (event) => this.#log.logEvent(id, event),
    })
  }

  #start(id: ChannelId, spec: ChannelSpec, channel: HostedChannel): void {
    const stop = new AbortController()
    const ended = channel.run(stop.signal).catch((error: unknown) => {
      this.#options.onFault(id, error)
    })
    this.#hosted.set(id, { channel, spec, stop, ended })
  }

  async #stop(id: ChannelId): Promise<void> {
    const hosted = this.#hosted.get(id)
    hosted?.stop.abort()
    await hosted?.ended
    this.#hosted.delete(id)
  }

  /** Leaves no rejected promise behind. */
  #change(id: ChannelId, work: () => Promise<void>): Promise<void> {
    const done = (this.#changes.get(id) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => undefined)
    this.#changes.set(id, settled)
    return done
  }

  #channel(id: ChannelId): HostedChannel {
    const hosted = this.#hosted.get(id)
    if (hosted !== undefined) return hosted.channel
    throw new SluiceError('unknown_channel', `there is no channel "${id}"`)
  }
}

const stale = (id: ChannelId, generation: number, last: number): SluiceError =>
  new SluiceError(
    'stale_generation',
    generation === last
      ? `channel "${id}": another state was applied as generation ${last}`
      : `channel "${id}": generation ${generation} is older than ${last}, which was applied`,
  )
