import { z } from 'zod'
import { KnownSource } from '../../../contract/branded.ts'
import { SLATE } from '../../../contract/ids.ts'
import type { ChannelStatus, OutputStatus } from '../../../contract/status.ts'

/**
 * - `ok`: the wanted source is on the air and healthy, or an operator took the slate.
 * - `degraded`: the on-air source is not the wanted one, or not healthy; or an output has a fault.
 * - `slate`: nothing is playable, the slate is on the air although a source is wanted.
 * - `starting`, `stopping`: no program to judge.
 */
export const HealthLevel = z.enum(['ok', 'degraded', 'slate', 'starting', 'stopping'])
export type HealthLevel = z.infer<typeof HealthLevel>

export const HealthAnswer = z
  .object({
    status: HealthLevel,
    onAir: KnownSource,
    wanted: KnownSource,
    upMs: z.number(),
    sources: z.object({ total: z.number(), healthy: z.number() }),
    viewers: z.number(),
    /** The program runs and, with a packaging output, a segment is listed. */
    stream_ready: z.boolean(),
    /** Sentences on why it is not `ok`. */
    reasons: z.array(z.string()).readonly(),
  })
  .readonly()
export type HealthAnswer = z.infer<typeof HealthAnswer>

/** Health for a load balancer or a watchdog, from current figures. */
export const healthOf = (status: ChannelStatus): HealthAnswer => {
  const reasons = reasonsOf(status)
  return {
    status: healthLevelOf(status, reasons),
    onAir: status.program.onAir,
    wanted: status.program.wanted,
    upMs: status.upMs,
    sources: {
      total: status.sources.length,
      healthy: status.sources.filter((source) => source.healthy).length,
    },
    viewers: status.viewers.length,
    stream_ready: isStreamReady(status),
    reasons,
  }
}

/** 200 while a source is on the air, or the slate that an operator took. */
export const healthStatusCode = (level: HealthLevel): 200 | 503 =>
  level === 'ok' || level === 'degraded' ? 200 : 503

const isStreamReady = ({ state, outputs }: ChannelStatus): boolean =>
  state === 'running' && outputs.filter(isPackaging).every(hasSegments)

const PACKAGED_KINDS: ReadonlySet<string> = new Set(['hls', 'dash'])

/** A failed output is among the reasons; `stream_ready` does not wait for it. */
const isPackaging = ({ kind, state }: OutputStatus): boolean =>
  PACKAGED_KINDS.has(kind) && state !== 'failed'

const hasSegments = ({ state, details }: OutputStatus): boolean => {
  const listed = details?.['listed']
  return listed === undefined ? state === 'running' : Number(listed) > 0
}

const healthLevelOf = (status: ChannelStatus, reasons: readonly string[]): HealthLevel => {
  if (status.state !== 'running') return status.state
  const { onAir, wanted } = status.program
  if (onAir === SLATE && wanted !== SLATE) return 'slate'
  return reasons.length === 0 ? 'ok' : 'degraded'
}

const reasonsOf = (status: ChannelStatus): string[] => {
  const { onAir, wanted } = status.program
  const reasons: string[] = []
  if (onAir !== wanted) reasons.push(`${wanted} is wanted, ${onAir} is on the air`)
  const playing = status.sources.find((source) => source.id === onAir)
  if (playing !== undefined && !playing.healthy) {
    const problems = playing.problems.map((problem) => problem.condition).join(', ')
    reasons.push(`${onAir} is on the air and not healthy${problems === '' ? '' : `: ${problems}`}`)
  }
  for (const output of status.outputs) {
    if (output.state === 'failed' || output.state === 'waiting') {
      reasons.push(`output ${output.id} is ${output.state}`)
    }
  }
  return reasons
}
