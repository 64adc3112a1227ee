import { SluiceError } from '../../contract/errors.ts'
import type { ChannelEvent, StampedEvent } from '../../contract/events.ts'
import type { ChannelId } from '../../contract/ids.ts'
import type { Epoch, EventPosition } from '../../contract/media-port.ts'
import { NumberedLog, type LogLimits } from '../../lib/numbered-log.ts'

/** Limits of unacknowledged events: a control process may be absent for hours. */
export const EVENT_LOG_LIMITS: LogLimits = { maxEntries: 10_000, maxBytes: 8 * 1024 * 1024 }

export interface EventLogOptions {
  readonly epoch: Epoch
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly limits: LogLimits
}

/** Events of all channels of a media process, numbered, kept until they are acknowledged or the bound is reached. */
export class EventLog {
  readonly #options: EventLogOptions
  readonly #log: NumberedLog<StampedEvent>
  readonly #waiting = new Set<() => void>()
  #acknowledged = 0
  #state: 'open' | 'closed' = 'open'

  constructor(options: EventLogOptions) {
    this.#options = options
    this.#log = new NumberedLog(options.limits)
  }

  logEvent(channel: ChannelId, event: ChannelEvent): void {
    const id = this.#log.newest + 1
    const stamped = structuredClone({ id, at: this.#options.wallTime(), channel, event })
    this.#log.append(stamped, JSON.stringify(stamped).length)
    this.#wake()
  }

  ack(upTo: EventPosition): void {
    this.#checkEpoch(upTo)
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(upTo.seq, this.#log.newest))
    this.#log.discardThrough(this.#acknowledged)
  }

  /** Ends with the signal, or when the log is closed and everything was read. Acknowledged events are not sent again. */
  async *read(after: EventPosition, signal: AbortSignal): AsyncGenerator<StampedEvent, void> {
    this.#checkEpoch(after)
    let position = after.seq
    while (!signal.aborted) {
      position = Math.max(position, this.#acknowledged)
      const next = this.#log.after(position)
      if (next === undefined) {
        if (this.#state === 'closed') return
        await this.#change(signal)
        continue
      }
      const event = 'gap' in next ? this.#gapEvent(next.gap) : next.entry
      position = event.id
      yield structuredClone(event)
    }
  }

  /** No more events: readers end after the last one. */
  close(): void {
    this.#state = 'closed'
    this.#wake()
  }

  #gapEvent({ from, to }: { readonly from: number; readonly to: number }): StampedEvent {
    const event = { type: 'gap', from, to, lost: to - from + 1 } as const
    return { id: to, at: this.#options.wallTime(), channel: null, event }
  }

  #checkEpoch({ epoch }: EventPosition): void {
    if (epoch === this.#options.epoch) return
    throw new SluiceError(
      'unknown_epoch',
      `epoch "${epoch}" is not that of this run of media, "${this.#options.epoch}": repeat hello`,
    )
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
