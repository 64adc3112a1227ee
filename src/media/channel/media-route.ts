import type { IncomingMessage, ServerResponse } from 'node:http'
import { PREVIEW, type BusId, type SourceId } from '../../contract/ids.ts'
import type { MediaPath } from '../../contract/paths.ts'
import type { Buses } from '../program/buses.ts'
import type { Input } from '../input/input.ts'
import type { HttpTs } from '../viewers/http-ts.ts'

interface MediaTargets {
  readonly buses: Buses | undefined
  readonly input: (id: SourceId) => Input | undefined
}

export interface MediaRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: MediaPath
}

/** Buses and sources as transport streams. True when the request is being answered. */
export function mediaRoute(targets: MediaTargets, media: MediaRequest): boolean {
  const { request, response, path } = media
  if (path.kind === 'source') {
    const input = targets.input(path.source)
    input?.monitor.serve(request, response)
    return input !== undefined
  }
  if (path.kind !== 'bus') return false
  if (targets.buses === undefined) refuse(response)
  else {
    const viewers = viewersOf(targets.buses, path.bus)
    if (viewers === undefined) return false
    viewers.accept(request, response)
  }
  return true
}

/** The first viewer of the preview starts it; any other bus is running, or unknown. */
const viewersOf = (buses: Buses, bus: BusId): HttpTs | undefined =>
  (bus === PREVIEW ? buses.open(bus) : buses.get(bus))?.viewers

function refuse(response: ServerResponse): void {
  const body = { error: 'not_reachable', message: 'the program has not started yet' }
  const headers = { 'Content-Type': 'application/json', 'Retry-After': '1', Connection: 'close' }
  response.writeHead(503, headers).end(JSON.stringify(body))
}
