import type { ServerResponse } from 'node:http'
import type { ChannelPort } from '../../../contract/channel-port.ts'
import type { StampedEvent } from '../../../contract/events.ts'
import type { Clock } from '../../../lib/clock.ts'

/** Methods of a channel that the stream calls. */
export type EventSourcePort = Pick<ChannelPort, 'events'>

export interface EventStreamLimits {
  /** A client with more unread bytes is disconnected; it reconnects with Last-Event-ID and loses nothing. */
  readonly maxWaitingBytes: number
  readonly heartbeatMs: number
  /** Delay before a client reconnects. */
  readonly reconnectMs: number
}

export const EVENT_STREAM_LIMITS: EventStreamLimits = {
  maxWaitingBytes: 256 * 1024,
  heartbeatMs: 15_000,
  reconnectMs: 2_000,
}

export interface EventStream {
  /** Ends the response. Idempotent. */
  close(): void
}

export interface EventStreamOptions {
  readonly response: ServerResponse
  readonly port: EventSourcePort
  readonly clock: Clock
  /** The last event that the client received; 0 for all that are kept. */
  readonly after: number
  readonly limits: EventStreamLimits
  /** Called once when either side has ended the stream. */
  readonly onEnd: () => void
}

/** WHATWG HTML, 9.2.6: one event, its fields each on a line. The JSON holds no line break. */
export const eventText = (stamped: StampedEvent): string =>
  `id: ${stamped.id}\nevent: ${stamped.event.type}\ndata: ${JSON.stringify(stamped)}\n\n`

/** Sends the kept events after `after`, then each new one, to one client, until either side ends it. */
export const openEventStream = (options: EventStreamOptions): EventStream => {
  const { response, port, clock, limits } = options
  let ended = false
  // A replay may exceed the limit without the client being slow; it counts until the socket has drained.
  let replaying = true
  let replayAllowance = 0

  const end = (): void => {
    if (ended) return
    ended = true
    unsubscribe?.()
    heartbeat.cancel()
    options.onEnd()
  }
  const send = (text: string): void => {
    if (ended) return
    if (!replaying && response.writableLength > limits.maxWaitingBytes + replayAllowance) {
      end()
      response.destroy()
      return
    }
    response.write(text)
  }

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  })
  response.on('close', end)
  response.on('error', end)
  response.on('drain', () => {
    replayAllowance = 0
  })
  const heartbeat = clock.every(limits.heartbeatMs, () => send(': heartbeat\n\n'))
  response.write(`retry: ${limits.reconnectMs}\n\n`)
  let unsubscribe: (() => void) | undefined
  const stop = port.events(effectiveAfter(port, options.after), (stamped) =>
    send(eventText(stamped)),
  )
  if (ended) stop()
  else unsubscribe = stop
  replaying = false
  replayAllowance = response.writableLength
  return {
    close: () => {
      end()
      response.end()
    },
  }
}

/**
 * Ids restart at 1 with Sluice. A client with a later id is from an earlier run, and would get nothing until the count
 * reaches it: it is sent all kept events.
 */
const effectiveAfter = (port: EventSourcePort, after: number): number => {
  if (after === 0) return 0
  let newest = 0
  port.events(0, (stamped) => {
    newest = stamped.id
  })()
  return newest < after ? 0 : after
}
