import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { h264Unit } from '../../test/helpers/coded-units.ts'
import {
  AUDIO,
  VIDEO,
  demuxAll,
  muxAll,
  muxOptions,
  unitsFrom,
} from '../../test/helpers/ts-program.ts'
import { ticks, ticksOfMs } from '../contract/time.ts'
import { TsMuxer, type MuxUnit } from './muxer.ts'
import {
  PACKET_SIZE,
  PID_PAT,
  PID_SDT,
  continuityAt,
  hasDiscontinuity,
  hasPayload,
  hasPcr,
  hasRandomAccess,
  payloadAt,
  pcrAt,
  pidAt,
  startsUnit,
} from './packet.ts'
import { parsePesHeader } from './pes.ts'
import { parsePmt } from './psi.ts'
import { WRAP_33 } from './timestamps.ts'

const PMT = 0x1000
const MS = 27_000
const DELAY = 700

const offsets = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / PACKET_SIZE }, (_, i) => i * PACKET_SIZE)

const continuityErrors = (bytes: Uint8Array): number => {
  const last = new Map<number, number>()
  let errors = 0
  for (const at of offsets(bytes)) {
    const pid = pidAt(bytes, at)
    const before = last.get(pid)
    const expected =
      before === undefined ? undefined : (before + (hasPayload(bytes, at) ? 1 : 0)) & 15
    if (expected !== undefined && continuityAt(bytes, at) !== expected) errors++
    last.set(pid, continuityAt(bytes, at))
  }
  return errors
}

/** Program time by the latest PCR at each packet of a PID, in ms. */
const timesOf = (bytes: Uint8Array, pid: number): number[] => {
  const times: number[] = []
  let now = Number.NaN
  for (const at of offsets(bytes)) {
    if (hasPcr(bytes, at)) now = pcrAt(bytes, at) / MS
    if (pidAt(bytes, at) === pid && !Number.isNaN(now)) times.push(now)
  }
  return times
}

const pcrs = (bytes: Uint8Array): number[] =>
  offsets(bytes)
    .filter((at) => hasPcr(bytes, at))
    .map((at) => pcrAt(bytes, at) / MS)

const widest = (values: readonly number[]): number =>
  Math.max(...values.slice(1).map((value, i) => value - values[i]!))

/** For each PES: its DTS minus the PCR before it, in ms. */
const leads = (bytes: Uint8Array): number[] => {
  const found: number[] = []
  let pcr = Number.NaN
  for (const at of offsets(bytes)) {
    if (hasPcr(bytes, at)) pcr = pcrAt(bytes, at) / MS
    if (!startsUnit(bytes, at)) continue
    const header = parsePesHeader(bytes, payloadAt(bytes, at), at + PACKET_SIZE)
    const dts = header?.dts ?? header?.pts
    if (dts !== undefined && !Number.isNaN(pcr)) found.push(dts / 90 - pcr)
  }
  return found
}

describe('muxer', () => {
  const units = unitsFrom(900_000, 100)
  const stream = muxAll(units)

  it('counts continuity without a gap on every PID', () => {
    expect(continuityErrors(stream)).toBe(0)
  })

  it('repeats PAT and PMT within 100 ms, the SDT within 2 s', () => {
    expect(widest(timesOf(stream, PID_PAT))).toBeLessThanOrEqual(100)
    expect(widest(timesOf(stream, PMT))).toBeLessThanOrEqual(100)
    expect(widest(timesOf(stream, PID_SDT))).toBeLessThanOrEqual(2000)
  })

  it('puts PAT and PMT before each random access point, which carries the indicator and a PCR', () => {
    const entries = offsets(stream).filter((at) => hasRandomAccess(stream, at))
    expect(entries).toHaveLength(10)
    for (const at of entries) {
      const before = [3, 2, 1].map((n) => pidAt(stream, at - n * PACKET_SIZE))
      expect(before.join()).toMatch(new RegExp(`${PID_PAT},${PMT}(,${PID_SDT})?$`))
      expect(hasPcr(stream, at)).toBe(true)
    }
  })

  it('keeps the PCR within 40 ms, rising, at or below each DTS and never further off than the mux delay', () => {
    const values = pcrs(stream)
    expect(widest(values)).toBeLessThanOrEqual(40)
    expect(values).toEqual([...values].sort((a, b) => a - b))
    expect(Math.min(...leads(stream))).toBeGreaterThanOrEqual(0)
    expect(Math.max(...leads(stream))).toBeLessThanOrEqual(DELAY + 1)
  })

  it('keeps the PCR lawful for units that come late or early within the mux delay', () => {
    const shifts = fc.array(fc.integer({ min: -400, max: 200 }), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(shifts, fc.integer({ min: 1, max: 60 }), (late, tick) => {
        const muxer = new TsMuxer(muxOptions())
        const parts: Uint8Array[] = []
        const some = unitsFrom(900_000, 40)
        let clock = 900_000
        for (const [i, unit] of some.entries()) {
          const due = unit.dts + late[Math.floor(i / 8) % 8]! * 90
          while (clock < due) {
            clock += tick * 90
            muxer.advance(ticks(clock))
            parts.push(muxer.takeBatch().bytes)
          }
          muxer.write(unit)
          parts.push(muxer.takeBatch().bytes)
        }
        const bytes = Buffer.concat(parts)
        expect(widest(pcrs(bytes))).toBeLessThanOrEqual(40)
        expect(Math.min(...leads(bytes))).toBeGreaterThanOrEqual(0)
        expect(continuityErrors(bytes)).toBe(0)
        expect(muxer.lateUnits).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('gives every PCR a time of its own, also where random access points come at one instant', () => {
    const muxer = new TsMuxer(muxOptions())
    muxer.advance(ticks(900_000))
    for (const unit of unitsFrom(900_000, 6)) muxer.write({ ...unit, rap: unit.track === 0 })
    const values = pcrs(muxer.takeBatch().bytes)
    expect(values.length).toBeGreaterThan(4)
    expect(values).toEqual([...new Set(values)].sort((x, y) => x - y))
  })

  it('lets a PCR follow every PAT and PMT, so that their distance is the same by any clock', () => {
    const all = offsets(stream)
    all.forEach((at, n) => {
      if (pidAt(stream, at) !== PMT) return
      const next = all[pidAt(stream, all[n + 1]!) === PID_SDT ? n + 2 : n + 1]!
      expect(hasPcr(stream, next)).toBe(true)
    })
  })

  it('sends PCR and tables while no unit comes', () => {
    const muxer = new TsMuxer(muxOptions())
    const parts: Uint8Array[] = []
    for (let t = 0; t < 1000; t += 10) {
      muxer.advance(ticksOfMs(t + 1000))
      parts.push(muxer.takeBatch().bytes)
    }
    const bytes = Buffer.concat(parts)
    expect(widest(pcrs(bytes))).toBeLessThanOrEqual(40)
    expect(widest(timesOf(bytes, PID_PAT))).toBeLessThanOrEqual(100)
    expect(pcrs(bytes).length).toBeLessThan(36)
  })

  it('fills a coarse step of the clock with PCR packets, but not a hole', () => {
    const muxer = new TsMuxer(muxOptions())
    muxer.advance(ticksOfMs(1000))
    const parts = [muxer.takeBatch().bytes]
    muxer.advance(ticksOfMs(1200))
    parts.push(muxer.takeBatch().bytes)
    expect(widest(pcrs(Buffer.concat(parts)))).toBeLessThanOrEqual(40)
    muxer.advance(ticksOfMs(60_000))
    expect(pcrs(muxer.takeBatch().bytes)).toHaveLength(1)
  })

  it('wraps times and PCR to 33 bits, also below zero', () => {
    for (const start of [WRAP_33 - 20_000, 3 * WRAP_33 + 5, 0]) {
      const { units: found } = demuxAll(muxAll(unitsFrom(start, 20)))
      const video = found.filter(({ pid }) => pid === VIDEO)
      const first = start % WRAP_33
      expect(video.map(({ dts }) => dts - video[0]!.dts)).toEqual(video.map((_, k) => k * 3600))
      expect(video[0]!.dts).toBe(first)
    }
  })

  it('changes the PMT version only with its content', () => {
    const muxer = new TsMuxer(muxOptions())
    const version = (): number => {
      muxer.write({ track: 0, pts: ticks(0), dts: ticks(0), rap: true, data: h264Unit('idr', 9) })
      const { bytes } = muxer.takeBatch()
      const at = offsets(bytes).find((offset) => pidAt(bytes, offset) === PMT)!
      const size = 3 + (((bytes[at + 6]! & 0x0f) << 8) | bytes[at + 7]!)
      return parsePmt(bytes.subarray(at + 5, at + 5 + size))!.version
    }
    const seen = [version()]
    muxer.setTrack(1, { language: 'eng' })
    muxer.setServiceName('another')
    seen.push(version())
    muxer.setTrack(1, { codec: 'ac3' })
    seen.push(version())
    for (let k = 0; k < 31; k++) muxer.setTrack(1, { language: k % 2 ? 'deu' : 'fra' })
    seen.push(version())
    expect(seen).toEqual([0, 0, 1, 0])
  })

  it('marks the next packet of each PID after a discontinuity, once', () => {
    const muxer = new TsMuxer(muxOptions())
    const first = muxAll(unitsFrom(0, 20), muxer)
    muxer.markDiscontinuity()
    const second = muxAll(unitsFrom(900_000, 20), muxer)
    const marked = offsets(second).filter((at) => hasDiscontinuity(second, at))
    const pids = [PID_PAT, PID_SDT, VIDEO, AUDIO, PMT]
    expect(new Set(marked.map((at) => pidAt(second, at)))).toEqual(new Set(pids))
    expect(marked).toHaveLength(pids.length)
    for (const pid of pids) {
      const firstAt = offsets(second).find((at) => pidAt(second, at) === pid)
      expect(marked).toContain(firstAt)
    }
    expect(continuityErrors(Buffer.concat([first, second]))).toBe(0)
  })

  it('inserts a delimiter where there is none', () => {
    const bare = h264Unit('idr', 100).subarray(6)
    const unit: MuxUnit = { track: 0, pts: ticks(0), dts: ticks(0), rap: true, data: bare }
    const [found] = demuxAll(muxAll([unit])).units
    expect(Buffer.from(found!.data).equals(h264Unit('idr', 100))).toBe(true)
  })

  it('reports the offset of the first random access point of a batch', () => {
    const muxer = new TsMuxer(muxOptions())
    const [entry, ...rest] = unitsFrom(0, 10).filter(({ track }) => track === 0)
    muxer.write(rest[0]!)
    muxer.write({ ...entry!, dts: ticks(7200), pts: ticks(7200) })
    const { bytes, randomAccess } = muxer.takeBatch()
    expect(pidAt(bytes, randomAccess)).toBe(PID_PAT)
    expect(randomAccess).toBeGreaterThan(0)
    muxer.write(rest[2]!)
    expect(muxer.takeBatch().randomAccess).toBe(-1)
  })

  it('never overwrites bytes that were taken', () => {
    const muxer = new TsMuxer(muxOptions())
    const taken: { bytes: Uint8Array; copy: Buffer }[] = []
    for (const unit of unitsFrom(0, 300, () => 5000)) {
      muxer.write(unit)
      const { bytes } = muxer.takeBatch()
      taken.push({ bytes, copy: Buffer.from(bytes) })
    }
    expect(taken.every(({ bytes, copy }) => copy.equals(bytes))).toBe(true)
  })

  it.each([
    ['no track', { tracks: [] }],
    ['a reserved PID', { tracks: [{ pid: 0x11, codec: 'h264' as const }] }],
    ['the PMT PID as a track', { tracks: [{ pid: PMT, codec: 'h264' as const }] }],
    [
      'a language of two letters',
      { tracks: [{ pid: 256, codec: 'aac' as const, language: 'de' }] },
    ],
  ])('refuses %s', (_, change) => {
    expect(() => new TsMuxer(muxOptions(change))).toThrow(RangeError)
  })
})
