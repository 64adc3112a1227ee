import { stat, truncate } from 'node:fs/promises'
import { PACKET_SIZE } from '../../src/mpegts/packet.ts'
import {
  analyze,
  ffmpegContinuity,
  ffmpegDecodeErrors,
  ffprobePackets,
  violationCounts,
  tsreport,
} from './oracles.ts'

export interface Verdict {
  /** Violations of the program's invariants, errors only. */
  readonly violations: readonly string[]
  readonly tsreport: readonly string[]
  readonly decoder: readonly string[]
  readonly continuity: number
  readonly order: number
  /** Pictures missing between the first and the last one at a constant rate; by ffprobe. */
  readonly missingFrames: number
}

export const FLAWLESS: Verdict = {
  violations: [],
  tsreport: [],
  decoder: [],
  continuity: 0,
  order: 0,
  missingFrames: 0,
}

export interface Expected {
  readonly frameTicks: number
  /** Minimum length; a shorter capture is refused. */
  readonly seconds: number
}

/** Judges a viewer's capture by our analyzer, tstools and FFmpeg. */
export const verdictOf = async (path: string, expected: Expected): Promise<Verdict> => {
  // The viewer left in the middle of a packet.
  const { size } = await stat(path)
  await truncate(path, size - (size % PACKET_SIZE))
  const packets = await ffprobePackets(path, 'v')
  // Pictures that reordering holds back when the viewer leaves are not missing.
  const newest = packets.at(-1)?.dts ?? Number.NaN
  const pictures = packets.map(({ pts }) => pts ?? Number.NaN).filter((pts) => !(pts > newest))
  const span = Math.max(...pictures) - Math.min(...pictures)
  if (!(span >= expected.seconds * 90_000)) {
    throw new Error(`only ${span / 90_000} s were captured in ${pictures.length} pictures`)
  }
  const { continuity, order } = await ffmpegContinuity(path)
  return {
    violations: violationCounts(await analyze(path)),
    tsreport: await tsreport(path),
    decoder: await ffmpegDecodeErrors(path),
    continuity,
    order,
    missingFrames: Math.round(span / expected.frameTicks) + 1 - pictures.length,
  }
}
