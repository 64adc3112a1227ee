import type { IncomingMessage, ServerResponse } from 'node:http'

/** The data plane's own routes on the same address: /stream.ts, /preview.ts, /sources/:id.ts. */
export interface MediaRoutes {
  /** True when the path belongs to media and the request is being answered. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
}
