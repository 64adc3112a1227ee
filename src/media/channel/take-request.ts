import type { TakeAnswer, TakeRefusal } from '../../contract/commands.ts'
import { type BusId, PROGRAM, SLATE, type SourceId, type Ticket } from '../../contract/ids.ts'
import type { IngestMode, TakeMode } from '../../contract/spec.ts'
import type { BusController } from '../program/bus-controller.ts'
import type { Input } from '../input/input.ts'
import type { InputList } from './input-list.ts'
import type { ChannelOutputs } from './channel-outputs.ts'
import { refusalAnswer } from '../program/takes.ts'

export interface ResolvedTake {
  readonly ticket: Ticket
  readonly bus: BusId
  readonly source: SourceId
  readonly mode: TakeMode
  /** Monotonic time before which it must not cut. */
  readonly notBefore: number
  readonly timeoutMs: number
}

export interface TakeContext {
  readonly controller: BusController | undefined
  readonly inputs: InputList
  readonly outputs: Pick<ChannelOutputs, 'refuses'>
  readonly now: number
  /** Another source is wanted. */
  readonly onWantedChanged: () => void
}

interface Problem {
  readonly why: TakeRefusal
  readonly message: string
}

/** Checks a take before it is made: one that is certain to fail is refused at once (DESIGN.md, 3.10). */
export async function requestTake(take: ResolvedTake, context: TakeContext): Promise<TakeAnswer> {
  const { ticket, bus, source, mode, notBefore, timeoutMs } = take
  const { controller, inputs, now } = context
  const input = inputs.get(source)
  const problem = problemOf(take, context)
  if (problem?.why === 'already_on_air') {
    controller?.setWanted(source)
    context.onWantedChanged()
  }
  if (problem !== undefined || controller === undefined) {
    return refusalAnswer({ ticket, bus }, source, problem ?? NOT_STARTED)
  }
  if (input !== undefined && input.supervised.wanted === 'stop') input.supervised.start()
  return controller.takes.request(ticket, {
    source,
    mode: source === SLATE ? 'cutover' : mode,
    notBefore,
    deadline: Math.max(now, notBefore) + timeoutMs,
  })
}

const NOT_STARTED: Problem = {
  why: 'channel_stopped',
  message: 'the program has not started yet: try again in some seconds',
}

function problemOf(
  { bus, source }: ResolvedTake,
  { controller, inputs, outputs }: TakeContext,
): Problem | undefined {
  const input = inputs.get(source)
  if (source !== SLATE && input === undefined) {
    return { why: 'unknown_source', message: inputs.unknownSourceMessage(source) }
  }
  if (controller === undefined) return NOT_STARTED
  if (controller.bus.onAir === source) {
    const where = bus === PROGRAM ? 'air' : bus
    return { why: 'already_on_air', message: `"${source}" is on ${where} already` }
  }
  if (input === undefined) return undefined
  return (
    inputProblem(input, inputs.ingestOf(input)) ??
    (bus === PROGRAM ? outputProblem(input, outputs) : undefined)
  )
}

/** Under `copy` the video changes with the source: not every destination can follow. */
function outputProblem(input: Input, outputs: TakeContext['outputs']): Problem | undefined {
  const { video } = input.formats
  if (input.conforming.state !== 'as_is' || video === undefined) return undefined
  const why = outputs.refuses(video)
  return why === undefined ? undefined : { why: 'formats_differ', message: why }
}

function inputProblem(input: Input, ingest: IngestMode): Problem | undefined {
  const { id, conforming, supervised, buffer } = input
  const { state, reason } = supervised.state
  if (conforming.state === 'refused') {
    return { why: 'formats_differ', message: `"${id}" cannot follow: ${conforming.reason}` }
  }
  const { lastError } = supervised.figures()
  // A hot source that failed and has not recovered; one that starts for the first time is waited for.
  const trying = state === 'waiting' || (state === 'starting' && lastError !== undefined)
  const dead = trying && ingest === 'hot' && buffer.newest?.closed !== false
  if (state !== 'failed' && !dead) return undefined
  const why = reason ?? lastError ?? 'it has no media'
  return { why: 'source_failed', message: `"${id}" is not running: ${why}` }
}
