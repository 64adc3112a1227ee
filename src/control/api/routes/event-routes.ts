import { z } from 'zod'
import { SluiceError } from '../../../contract/errors.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { ApiInstance } from './api-instance.ts'
import {
  openEventStream,
  type EventSourcePort,
  type EventStream,
  type EventStreamLimits,
} from './event-stream.ts'

const EventsQuery = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
})

const MAX_EVENT_CLIENTS = 200

export interface EventRoutesOptions {
  readonly port: EventSourcePort
  readonly clock: Clock
  readonly limits: EventStreamLimits
}

export const eventRoutes = (api: ApiInstance, options: EventRoutesOptions): void => {
  const streams = new Set<EventStream>()

  api.get(
    '/events',
    {
      schema: { summary: 'Events as they happen', querystring: EventsQuery },
      exposeHeadRoute: false, // endless
    },
    (request, reply) => {
      if (streams.size >= MAX_EVENT_CLIENTS) {
        throw new SluiceError(
          'too_many_viewers',
          `${MAX_EVENT_CLIENTS} clients read the events already`,
        )
      }
      // An EventSource repeats its first address when it reconnects, so the header, if any, is newer.
      const after = lastEventId(request.headers['last-event-id']) ?? request.query.after ?? 0
      reply.hijack()
      const stream: EventStream = openEventStream({
        ...options,
        response: reply.raw,
        after,
        onEnd: () => queueMicrotask(() => streams.delete(stream)),
      })
      streams.add(stream)
    },
  )

  // An open stream would delay the closing of the server.
  api.addHook('preClose', async () => {
    for (const stream of streams) stream.close()
  })
}

const lastEventId = (header: string | readonly string[] | undefined): number | undefined =>
  typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined
