import { describe, expect, test } from 'vitest'
import { violationCounts } from '../../test/helpers/oracles.ts'
import { syntheticUnits, type SyntheticSpec } from '../../test/helpers/synthetic-units.ts'
import { corrupt, editPackets, packetsOf, randomFrom } from '../../test/helpers/ts-edit.ts'
import { ticksOfMs } from '../contract/time.ts'
import type { AnalysisReport } from './analysis-report.ts'
import { formatReport } from './analysis-text.ts'
import { Analyzer, type AnalyzerOptions } from './analyzer.ts'
import { TsMuxer } from '../mpegts/muxer.ts'
import type { AccessUnit } from '../mpegts/access-unit.ts'

const MUX_DELAY_MS = 500
const LEAD = ticksOfMs(200)

/** Muxes units as the program does: each is sent 200 ms before its DTS. */
const muxed = (units: readonly AccessUnit[]): Uint8Array => {
  const muxer = new TsMuxer({
    tracks: [
      { pid: 0x100, codec: 'h264' },
      { pid: 0x101, codec: 'aac', language: 'deu' },
    ],
    serviceName: 'Test',
    muxDelay: ticksOfMs(MUX_DELAY_MS),
  })
  const parts = units.map((unit) => {
    muxer.advance((unit.dts - LEAD) as typeof unit.dts)
    muxer.write({
      track: unit.kind === 'video' ? 0 : 1,
      pts: unit.pts,
      dts: unit.dts,
      rap: unit.rap !== 'none',
      data: unit.rap === 'none' ? unit.data : withParameterSets(unit.data),
    })
    return muxer.takeBatch().bytes
  })
  return Buffer.concat(parts)
}

/** Minimal parameter sets: only their NAL unit types are read. */
const withParameterSets = (picture: Uint8Array): Uint8Array =>
  Buffer.concat([
    Buffer.from('000000016742000aff', 'hex'),
    Buffer.from('0000000168ceff', 'hex'),
    picture,
  ])

const judge = (
  bytes: Uint8Array,
  options: AnalyzerOptions = { rules: 'program' },
): AnalysisReport => {
  const analyzer = new Analyzer(options)
  analyzer.push(bytes)
  analyzer.finish()
  return analyzer.report()
}

describe('the analyzer with the rules of the program', () => {
  const programs: [string, Partial<SyntheticSpec>][] = [
    ['IPBB at 25 Hz', {}],
    ['a pyramid at 50 Hz', { reorder: 'pyramid', fps: 50 }],
    ['no reordering at 29.97 Hz', { reorder: 'IP', fps: 30_000 / 1001 }],
    ['large pictures', { pictureBytes: 70_000 }],
    ['over the wrap of 33 bits', { start: 2 ** 33 - 45_000 }],
  ]
  test.each(programs)('finds nothing in the muxer of the program: %s', (_name, spec) => {
    const bytes = muxed(syntheticUnits({ count: 100, ...spec }))
    const report = judge(bytes, { rules: 'program', muxDelayMs: MUX_DELAY_MS })
    expect(report.violations.map((violation) => violation.sentence)).toEqual([])
    const [video, audio] = report.programs[0]!.tracks
    expect(video!.video!.pictures).toBe(100)
    expect(audio!.language).toBe('deu')
    expect(report.programs[0]!.serviceName).toBe('Test')
  })

  test('finds a frame of audio that is missing, and no other fault', () => {
    const units = syntheticUnits({ count: 100 })
    const gone = units.findIndex((unit, i) => i > 80 && unit.kind === 'audio')
    const report = judge(muxed(units.filter((_, i) => i !== gone)))
    expect(violationCounts(report, 'any')).toEqual(['audio_hole × 1'])
    const { longestHole } = report.programs[0]!.tracks[1]!.audio!
    expect(longestHole).toMatchObject({ ms: expect.closeTo(21.333, 2) })
  })

  test('judges a step by the slower of the sources on its two sides', () => {
    const fast = syntheticUnits({ count: 50, fps: 50, reorder: 'IP', audioTicks: 0 })
    const start = 900_000 + 90_000
    const slow = syntheticUnits({ count: 30, fps: 12.5, reorder: 'IP', audioTicks: 0, start })
    expect(violationCounts(judge(muxed([...fast, ...slow])))).toEqual([])
    const late = syntheticUnits({
      count: 30,
      fps: 12.5,
      reorder: 'IP',
      audioTicks: 0,
      start: start + 10_000,
    })
    expect(violationCounts(judge(muxed([...fast, ...late])))).toContain('presentation_gap × 1')
  })

  test('a lost random access point shows in the interval', () => {
    const units = syntheticUnits({ count: 100, audioTicks: 0 })
    const plain = units.map((unit) =>
      unit.pts === 900_000 + 50 * 3_600
        ? { ...unit, rap: 'none' as const, data: otherPicture }
        : unit,
    )
    const { video } = judge(muxed(plain)).programs[0]!.tracks[0]!
    expect(video!.randomAccessIntervalMs).toEqual({ min: 1000, max: 2000 })
    expect(video!.randomAccessPoints).toBe(3)
  })

  test('a random access point without its parameter sets is found', () => {
    const bytes = muxed(syntheticUnits({ count: 60 }))
    let entries = 0
    const broken = editPackets(bytes, (out, { at }) => {
      const found = Buffer.from(out.buffer, at, 188).indexOf(Buffer.from('0000000168', 'hex'))
      if (found >= 0 && ++entries === 2) out[at + found + 4] = 0x0c
    })
    expect(violationCounts(judge(broken))).toEqual(['random_access_without_parameter_sets × 1'])
  })
})

const otherPicture = Uint8Array.from([0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x41, 0x2e])

describe('the analyzer on arbitrary bytes', () => {
  test('bytes that are no transport stream are a loss of synchronisation', () => {
    const random = randomFrom(7)
    const noise = Uint8Array.from({ length: 100_000 }, () => Math.floor(random() * 256))
    const report = judge(noise)
    expect(report.violations[0]).toMatchObject({ code: 'ts_sync_loss', count: 1 })
    expect(report).toMatchObject({
      packets: 0,
      durationMs: 'not measurable',
      bitrate: 'not measurable',
    })
  })

  test('an empty stream has nothing to judge', () => {
    expect(judge(new Uint8Array(0))).toMatchObject({ packets: 0, errors: 0, warnings: 0 })
  })

  test('starts and ends in the middle of a packet', () => {
    const bytes = muxed(syntheticUnits({ count: 50 }))
    const report = judge(bytes.subarray(100, bytes.length - 50))
    expect(report.packets).toBe(bytes.length / 188 - 2)
    expect(report.skippedBytes).toBe(88 + 138)
    expect(report.syncLosses).toBe(0)
  })

  test('damaged streams in any chunks never make it throw', () => {
    const bytes = muxed(syntheticUnits({ count: 60 }))
    const random = randomFrom(3)
    for (let seed = 1; seed <= 40; seed++) {
      const damaged = corrupt(bytes, 10 ** (1 + (seed % 5)), seed)
      const analyzer = new Analyzer()
      for (let at = 0; at < damaged.length;) {
        const size = 1 + Math.floor(random() * 2_000)
        analyzer.push(damaged.subarray(at, at + size))
        at += size
      }
      analyzer.finish()
      const report = analyzer.report()
      expect(report.bytes).toBe(bytes.length)
      expect(report.packets * 188 + report.skippedBytes).toBeLessThanOrEqual(bytes.length)
      expect(formatReport(report)).not.toMatch(/NaN|Infinity|undefined/)
      expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    }
  })

  test('random payloads in good packets never make it throw', () => {
    const random = randomFrom(11)
    const bytes = muxed(syntheticUnits({ count: 60 }))
    const wild = editPackets(bytes, (out, { at }) => {
      for (let i = at + 4; i < at + 188; i++)
        if (random() < 0.2) out[i] = Math.floor(random() * 256)
    })
    expect([...packetsOf(wild)].length).toBe(judge(wild).packets)
  })

  test('keeps a bounded number of examples, and counts them all', () => {
    const bytes = muxed(syntheticUnits({ count: 60 }))
    const marked = editPackets(bytes, (out, { at }) => {
      out[at + 1] = out[at + 1]! | 0x80
    })
    const { violations, packets } = judge(marked, { examples: 3 })
    const damaged = violations.find(({ code }) => code === 'transport_error')
    expect(damaged).toMatchObject({ count: packets, standard: '2.1 Transport_error' })
    expect(damaged!.examples).toHaveLength(3)
  })

  test('refuses bytes after the end', () => {
    const analyzer = new Analyzer()
    analyzer.finish()
    expect(() => analyzer.push(new Uint8Array(188))).toThrow(/after finish/)
  })
})
