import type { ChannelPort } from '../../contract/channel-port.ts'
import type { ChannelChange, TakeAnswer, TakeRequest } from '../../contract/commands.ts'
import {
  type ChannelId,
  type OutputId,
  PREVIEW,
  PROGRAM,
  type SourceId,
} from '../../contract/ids.ts'
import type { MediaPort } from '../../contract/media-port.ts'
import type { OutputSpec } from '../../contract/output-spec.ts'
import type { ChannelSpec, SourceChange, SourceSpec } from '../../contract/spec.ts'
import type { ChannelStatus } from '../../contract/status.ts'
import type { EventListener, MediaEvents } from './media-events.ts'
import {
  withOutput,
  withoutOutput,
  withoutSource,
  withSettings,
  withSource,
  withSourceChange,
} from './wanted-spec.ts'

export interface ControlledChannelOptions {
  readonly id: ChannelId
  readonly spec: ChannelSpec
  readonly media: Pick<MediaPort, 'apply' | 'channels' | 'status' | 'take'>
  readonly events: Pick<MediaEvents, 'listen'>
}

/** Wanted state of one channel. Each change is a new spec with a new generation, which media applies as a whole. */
export class ControlledChannel implements ChannelPort {
  readonly #options: ControlledChannelOptions
  #spec: ChannelSpec
  #generation = 0
  #last: Promise<void> = Promise.resolve()

  constructor(options: ControlledChannelOptions) {
    this.#options = options
    this.#spec = options.spec
  }

  /** Applies the wanted state in a media process that may have the channel from before. */
  async start(): Promise<void> {
    const { id, media } = this.#options
    const known = (await media.channels()).find(({ channel }) => channel === id)
    this.#generation = known?.generation ?? 0
    await this.#change((spec) => spec)
  }

  take(request: TakeRequest): Promise<TakeAnswer> {
    const { id, media } = this.#options
    return media.take({ channel: id, take: request })
  }

  takePreview(mode?: TakeRequest['mode']): Promise<TakeAnswer> {
    const { id, media } = this.#options
    return media.take({ channel: id, take: { from: PREVIEW, bus: PROGRAM, mode } })
  }

  change(change: ChannelChange): Promise<void> {
    return this.#change((spec) => withSettings(spec, change))
  }

  addSource(source: SourceSpec): Promise<void> {
    return this.#change((spec) => withSource(spec, source))
  }

  changeSource(id: SourceId, change: SourceChange): Promise<void> {
    return this.#change((spec) => withSourceChange(spec, id, change))
  }

  removeSource(id: SourceId): Promise<void> {
    return this.#change((spec) => withoutSource(spec, id))
  }

  addOutput(output: OutputSpec): Promise<void> {
    return this.#change((spec) => withOutput(spec, output))
  }

  removeOutput(id: OutputId): Promise<void> {
    return this.#change((spec) => withoutOutput(spec, id))
  }

  status(): Promise<ChannelStatus> {
    const { id, media } = this.#options
    return media.status(id)
  }

  events(after: number, listener: EventListener): () => void {
    const { id, events } = this.#options
    return events.listen(after, (stamped) => {
      if (stamped.channel === id || stamped.channel === null) listener(stamped)
    })
  }

  /** Changes are made in sequence, each from the result of the last. One that media refuses changes nothing. */
  #change(next: (spec: ChannelSpec) => ChannelSpec): Promise<void> {
    const { id: channel, media } = this.#options
    const done = this.#last.then(async () => {
      const spec = next(this.#spec)
      this.#generation++
      await media.apply({ channel, spec, generation: this.#generation })
      this.#spec = spec
    })
    this.#last = done.catch(() => undefined)
    return done
  }
}
