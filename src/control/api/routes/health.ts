import { z } from 'zod'
import { KnownSource } from '../../../contract/branded.ts'
import { SLATE } from '../../../contract/ids.ts'
import type { ChannelStatus, OutputStatus } from '../../../contract/status.ts'

/**
 * - `ok`: the wanted source is on the air and healthy, or an operator chose the slate.
 * - `degraded`: viewers see a source, but not the wanted one, or not a healthy one; or an output is in trouble.
 * - `slate`: nothing is playable, viewers see the slate although a source is wanted.
 * - `starting`, `stopping`: there is no program to judge.
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
    /** There is something to play: the program runs, and where it is packaged, a segment is listed. */
    stream_ready: z.boolean(),
    /** Why it is not `ok`, in words. */
    reasons: z.array(z.string()).readonly(),
  })
  .readonly()
export type HealthAnswer = z.infer<typeof HealthAnswer>

/** What a load balancer or a watchdog needs to know, from figures that are at hand. */
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

/** 200 as long as viewers see a source or the slate that an operator chose. */
export const healthStatusCode = (level: HealthLevel): 200 | 503 =>
  level === 'ok' || level === 'degraded' ? 200 : 503

const isStreamReady = ({ state, outputs }: ChannelStatus): boolean =>
  state === 'running' && outputs.filter(isPackaging).every(hasSegments)

const PACKAGED_KINDS: ReadonlySet<string> = new Set(['hls', 'dash'])

/** One that failed for good says so among the reasons; there is nothing to wait for. */
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
