import type { SourceId } from '../../contract/ids.ts'
import type { ChannelSpec, FormatSpec } from '../../contract/spec.ts'
import { pause, type Clock } from '../../lib/clock.ts'
import { targetSecondsOf } from '../../contract/output-spec.ts'
import {
  configuredFormat,
  defaultFormat,
  formatOfSource,
  type ProgramFormat,
  type SourceFormat,
} from './program-format.ts'

/** Time within which the first usable source by priority is chosen (DESIGN.md, 3.10). */
const MAX_WAIT_MS = 5_000
/** Wait for a better source after the first one became usable. */
const BETTER_SOURCE_GRACE_MS = 1_000
const CHECK_INTERVAL_MS = 50

export interface ChosenFormat {
  readonly format: ProgramFormat
  readonly from: 'configuration' | 'source' | 'default' | 'stored'
  readonly source?: SourceId
}

/** A source and the format that a program would take from it; undefined until it is measured. */
export interface SourceWithFormat {
  readonly id: SourceId
  readonly usableFormat: SourceFormat | undefined
}

export interface FormatFacts {
  readonly spec: FormatSpec | undefined
  readonly stored: ProgramFormat | undefined
  /** Best first. */
  readonly inputs: readonly SourceWithFormat[]
  /** Since the channel started. */
  readonly waitedMs: number
  /** Since the first source became usable; undefined while none is. */
  readonly usableForMs: number | undefined
}

/** The channel's format, or undefined while it is worth waiting for. */
export function chooseFormat(facts: FormatFacts): ChosenFormat | undefined {
  const configured = configuredFormat(facts.spec)
  if (configured !== undefined) return { format: configured, from: 'configuration' }
  if (facts.stored !== undefined) return { format: facts.stored, from: 'stored' }
  const overdue = facts.waitedMs >= MAX_WAIT_MS
  const best = facts.inputs.find((input) => input.usableFormat !== undefined)
  const settled = best === facts.inputs[0] || (facts.usableForMs ?? 0) >= BETTER_SOURCE_GRACE_MS
  if (best?.usableFormat !== undefined && (settled || overdue)) {
    return {
      format: formatOfSource(best.usableFormat, facts.spec),
      from: 'source',
      source: best.id,
    }
  }
  if (overdue || facts.inputs.length === 0) {
    return { format: defaultFormat(facts.spec), from: 'default' }
  }
  return undefined
}

/** Checks until a format is chosen; undefined after an abort. */
export async function awaitFormat(
  facts: () => Omit<FormatFacts, 'waitedMs' | 'usableForMs'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<ChosenFormat | undefined> {
  const startedAt = clock.now()
  let usableSince: number | undefined
  while (!signal.aborted) {
    const now = clock.now()
    const currentFacts = facts()
    if (currentFacts.inputs.some((input) => input.usableFormat !== undefined)) usableSince ??= now
    const usableForMs = usableSince === undefined ? undefined : now - usableSince
    const chosen = chooseFormat({ ...currentFacts, waitedMs: now - startedAt, usableForMs })
    if (chosen !== undefined) return chosen
    await pause(clock, CHECK_INTERVAL_MS, signal)
  }
  return undefined
}

/** The format with a random access point of encoded sources and slate for every segment of the configured outputs. */
export function fittedToSegments(
  format: ProgramFormat,
  { outputs, hls }: Pick<ChannelSpec, 'outputs' | 'hls'>,
): ProgramFormat {
  const { video } = format
  if (video === undefined || !outputs.some(({ url }) => /^(?:hls|dash):/i.test(url))) return format
  const gopSeconds = Math.min(video.gopSeconds, targetSecondsOf(hls.segmentTime))
  return { ...format, video: { ...video, gopSeconds } }
}
