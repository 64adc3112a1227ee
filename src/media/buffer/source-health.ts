import type { Thresholds } from '../../contract/spec.ts'
import type { HealthProblem, Measured, SourceState } from '../../contract/status.ts'

/** Measurements of a source at one moment. Totals only grow; times are monotonic milliseconds. */
export interface HealthSample {
  readonly at: number
  readonly state: SourceState
  /** Arrival of the newest unit of each announced track; undefined: none yet. */
  readonly tracks: readonly {
    readonly kind: 'video' | 'audio'
    readonly lastAt: number | undefined
  }[]
  /** Start of the reader; undefined while it does not run. */
  readonly runningSince: number | undefined
  readonly bytes: number
  readonly packets: number
  readonly continuityErrors: Measured
  readonly lostPackets: Measured
  readonly jumps: number
  /** False for a source that we pace: it cannot stall while it is not read. */
  readonly live: boolean
}

export interface HealthVerdict {
  readonly healthy: boolean
  readonly problems: readonly HealthProblem[]
}

/** Judges a source on media time, from samples taken at regular intervals (DESIGN.md, section 6). */
export class SourceHealth {
  readonly #samples: HealthSample[] = []

  judge(sample: HealthSample, thresholds: Thresholds): HealthVerdict {
    this.#samples.push(sample)
    const oldest = sample.at - thresholds.lossWindowMs
    while (this.#samples.length > 1 && this.#samples[1]!.at <= oldest) this.#samples.shift()
    const problems = problemsOf(this.#samples[0]!, sample, thresholds)
    return { healthy: problems.length === 0, problems }
  }

  /** The source was replaced: earlier samples do not count against the new one. */
  clear(): void {
    this.#samples.length = 0
  }
}

function problemsOf(from: HealthSample, to: HealthSample, limits: Thresholds): HealthProblem[] {
  if (to.state === 'stopped' || to.state === 'failed' || to.state === 'waiting') {
    return [{ condition: 'ended', measured: 1, limit: 0, unit: 'ended' }]
  }
  const arrivals = to.tracks.map((track) => track.lastAt).filter((at) => at !== undefined)
  if (arrivals.length === 0)
    return [{ condition: 'no_media', measured: 0, limit: 1, unit: 'units' }]
  const found: HealthProblem[] = []
  const check = (
    condition: HealthProblem['condition'],
    measured: number,
    limit: number,
    unit: string,
  ): void => {
    if (limit > 0 && measured > limit) found.push({ condition, measured, limit, unit })
  }
  if (to.live) checkTracks(to, arrivals, limits, check)
  const window = { from, to, seconds: (to.at - from.at) / 1_000 }
  if (window.seconds <= 0) return found
  checkRates(window, limits, check)
  return [...found, ...bitrateProblem(window, limits)]
}

type Check = (
  condition: HealthProblem['condition'],
  measured: number,
  limit: number,
  unit: string,
) => void

function checkTracks(
  to: HealthSample,
  arrivals: readonly number[],
  limits: Thresholds,
  check: Check,
): void {
  const newest = Math.max(...arrivals)
  check('stall', Math.round(to.at - newest), limits.stallMs, 'ms')
  for (const track of to.tracks) {
    const silent = newest - (track.lastAt ?? to.runningSince ?? newest)
    check('missing_track', Math.round(silent), limits.missingTrackMs, `ms without ${track.kind}`)
  }
}

function checkRates(window: Window, limits: Thresholds, check: Check): void {
  const { from, to, seconds } = window
  if (to.continuityErrors !== null && from.continuityErrors !== null) {
    const errors = (to.continuityErrors - from.continuityErrors) / seconds
    check('continuity', errors, limits.continuityPerSecond, 'errors/s')
  }
  if (to.lostPackets !== null && from.lostPackets !== null) {
    const lost = to.lostPackets - from.lostPackets
    const all = lost + to.packets - from.packets
    check('packet_loss', all === 0 ? 0 : lost / all, limits.packetLoss, 'lost/packets')
  }
  const jumps = to.jumps - from.jumps
  check('timestamp_jumps', jumps, limits.timestampJumps, `in ${Math.round(seconds)} s`)
}

/** Problem of a bitrate below its floor, the only limit from below; judged over a whole window. */
function bitrateProblem(window: Window, limits: Thresholds): HealthProblem[] {
  const { from, to, seconds } = window
  const measured = ((to.bytes - from.bytes) * 8) / seconds
  const whole = to.live && seconds * 1_000 >= limits.lossWindowMs * 0.9
  if (!whole || measured >= limits.bitrateFloor) return []
  return [{ condition: 'bitrate', measured, limit: limits.bitrateFloor, unit: 'bit/s' }]
}

interface Window {
  readonly from: HealthSample
  readonly to: HealthSample
  readonly seconds: number
}
