import type { IncomingMessage, ServerResponse } from 'node:http'
import { PREVIEW, type SourceId } from '../../contract/ids.ts'
import type { BusController } from '../program/bus-controller.ts'
import type { Buses } from '../program/buses.ts'
import type { Input } from '../input/input.ts'

interface MediaTargets {
  readonly buses: Buses | undefined
  readonly input: (id: SourceId) => Input | undefined
}

/** `/stream.ts`, `/preview.ts`, `/sources/:id.ts`. True when the request was one of them and is being answered. */
export function mediaRoute(
  targets: MediaTargets,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const path = (request.url ?? '').split('?')[0] ?? ''
  if (path === '/stream.ts') return serve(targets.buses?.program, request, response)
  if (path === '/preview.ts') return serve(targets.buses?.open(PREVIEW), request, response)
  const id = /^\/sources\/([^/]+)\.ts$/.exec(path)?.[1]
  const input = id === undefined ? undefined : targets.input(id as SourceId)
  input?.monitor.serve(request, response)
  return input !== undefined
}

function serve(
  controller: BusController | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): true {
  if (controller === undefined) refuse(response)
  else controller.viewers.accept(request, response)
  return true
}

function refuse(response: ServerResponse): void {
  const body = { error: 'not_reachable', message: 'the program has not begun yet' }
  const headers = { 'Content-Type': 'application/json', 'Retry-After': '1', Connection: 'close' }
  response.writeHead(503, headers).end(JSON.stringify(body))
}
