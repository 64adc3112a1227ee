/**
 * Viewers that join at any moment: time to the first byte, and whether the first picture is a random access point. Run:
 * bin/bench join [--joins 50] [--gop 50]
 */
import { parseArgs } from 'node:util'
import type { AccessUnit } from '../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../src/mpegts/demuxer.ts'
import { pause, percentile, round } from './support/figures.ts'
import { openProgramSocket } from './support/program-socket.ts'
import { withSluice } from './support/sluice.ts'

const GOAL_MS = 50
const SPREAD_MS = 250
const PATIENCE_MS = 5_000
// ITU-T H.264, table 7-1.
const [IDR, SPS, PPS] = [5, 7, 8]

interface Joined {
  readonly firstByteMs: number
  /** 'enters', or the fault. */
  readonly verdict: string
}

const nalTypes = (data: Uint8Array): number[] => {
  const types: number[] = []
  for (let at = 0; at + 3 < data.length; at++) {
    if (data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1) types.push(data[at + 3]! & 0x1f)
  }
  return types
}

const judge = (first: AccessUnit | undefined): string => {
  if (first === undefined) return 'no picture'
  const types = nalTypes(first.data)
  const lacks = Object.entries({ IDR, SPS, PPS }).filter(([, type]) => !types.includes(type))
  return lacks.length === 0 ? 'enters' : `lacks ${lacks.map(([name]) => name).join(', ')}`
}

const join = async (address: string): Promise<Joined> => {
  let first: AccessUnit | undefined
  let seen = (): void => {}
  const picture = new Promise<void>((resolve) => (seen = resolve))
  const demuxer = new TsDemuxer({
    program: () => {},
    format: () => {},
    unit: (unit) => {
      if (unit.kind !== 'video' || first !== undefined) return
      first = unit
      seen()
    },
  })
  const socket = await openProgramSocket(address, (piece) => demuxer.push(piece))
  await Promise.race([picture, pause(PATIENCE_MS)])
  socket.close()
  return { firstByteMs: socket.firstByteMs, verdict: judge(first) }
}

const { values } = parseArgs({
  options: { joins: { type: 'string', default: '50' }, gop: { type: 'string', default: '50' } },
})
const source = `a=test:?size=640x360&rate=25&bframes=2&preset=ultrafast&gop=${values.gop}`
const joined = await withSluice(['-s', source], async (sluice) => {
  await sluice.ready('a')
  // Until the program holds enough for a new viewer.
  await pause(2_500)
  const all: Joined[] = []
  for (let i = 0; i < Number(values.joins); i++) {
    await pause(Math.random() * SPREAD_MS)
    all.push(await join(sluice.address))
  }
  return all
})
const times = joined.map(({ firstByteMs }) => firstByteMs)
const odd = joined.map(({ verdict }) => verdict).filter((verdict) => verdict !== 'enters')
console.table({
  'first byte, ms': {
    joins: joined.length,
    p50: round(percentile(times, 0.5)),
    p99: round(percentile(times, 0.99)),
    max: round(Math.max(...times)),
    goal: `p99 < ${GOAL_MS}`,
  },
  'first picture enters': { joins: joined.length - odd.length, goal: `${joined.length}` },
})
if (odd.length > 0) console.log([...new Set(odd)].join('; '))
