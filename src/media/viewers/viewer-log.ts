import type { ChannelEvent } from '../../contract/events.ts'
import type { Clock, Timer } from '../../lib/clock.ts'

/** Limit of events of one kind in a second; the rest is one more event, with a count. */
const MAX_EVENTS_PER_SECOND = 10
const WINDOW_MS = 1_000

export interface ViewerIdentity {
  /** Unique within its path. */
  readonly id: number
  readonly path: string
  readonly address: string
  readonly agent: string
}

type ViewerEvent = Extract<ChannelEvent, { readonly type: 'viewer_joined' | 'viewer_left' }>
type Kind = ViewerEvent['type']

interface Flood {
  count: number
  last: ViewerEvent | undefined
}

const newFloods = (): Record<Kind, Flood> => ({
  viewer_joined: { count: 0, last: undefined },
  viewer_left: { count: 0, last: undefined },
})

/** Emits joins and leaves of a channel's viewers; of a flood the first ones and a sum with the last. */
export class ViewerLog {
  readonly #emit: (event: ViewerEvent) => void
  readonly #clock: Clock
  #floods = newFloods()
  #timer: Timer | undefined
  #isClosed = false

  constructor(emit: (event: ViewerEvent) => void, clock: Clock) {
    this.#emit = emit
    this.#clock = clock
  }

  joined(viewer: ViewerIdentity): void {
    this.#add({ type: 'viewer_joined', ...fieldsOf(viewer) })
  }

  /** `reason`: why we disconnected the viewer; absent when it left. */
  left(viewer: ViewerIdentity, reason?: string): void {
    this.#add({ type: 'viewer_left', ...fieldsOf(viewer), ...(reason !== undefined && { reason }) })
  }

  /** Emits the pending sums; nothing after that. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#endWindow()
  }

  #add(event: ViewerEvent): void {
    if (this.#isClosed) return
    this.#timer ??= this.#clock.after(WINDOW_MS, () => this.#endWindow())
    const flood = this.#floods[event.type]
    flood.count++
    if (flood.count > MAX_EVENTS_PER_SECOND) flood.last = event
    else this.#emit(event)
  }

  #endWindow(): void {
    const floods = this.#floods
    this.#floods = newFloods()
    this.#timer = undefined
    for (const { count, last } of Object.values(floods)) {
      const others = count - MAX_EVENTS_PER_SECOND - 1
      if (last !== undefined) this.#emit(others > 0 ? { ...last, others } : last)
    }
  }
}

const fieldsOf = ({ id, path, address, agent }: ViewerIdentity) => ({
  viewer: id,
  path,
  address,
  agent,
})
