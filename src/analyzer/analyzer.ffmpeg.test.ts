import { beforeAll, describe, expect, test } from 'vitest'
import { PID_NULL } from '../mpegts/packet.ts'
import {
  analyze,
  ffprobePackets,
  violationCounts,
  skipNote,
  missingTool,
  withFile,
} from '../../test/helpers/oracles.ts'
import { encodeTs, type EncodeSpec } from '../../test/helpers/stream-builder.ts'
import {
  corrupt,
  editPackets,
  packetsOf,
  restamp,
  type PacketView,
} from '../../test/helpers/ts-edit.ts'
import { millis } from '../contract/time.ts'
import type { PcrReport } from './analysis-report.ts'
import { formatReport } from './analysis-text.ts'
import { Analyzer } from './analyzer.ts'

const skip = missingTool('ffmpeg', 'ffprobe', 'tsreport')

const SECOND = 90_000
const STANDARD = { rules: 'standard' } as const

describe.skipIf(skip !== undefined)(
  `the analyzer on clean streams of ffmpeg${skipNote(skip)}`,
  () => {
    const clean: [string, Partial<EncodeSpec>][] = [
      ['H.264 with B-frames, AAC', {}],
      ['H.264 pyramid at 29.97 Hz, E-AC-3', { bframes: 3, rate: '30000/1001', audio: 'eac3' }],
      ['interlaced H.264, AAC at 44.1 kHz', { interlaced: true, sampleRate: 44_100 }],
      ['HEVC with an open GOP, AC-3', { codec: 'hevc', openGop: true, audio: 'ac3' }],
      ['MPEG-2 with an open GOP, MP2', { codec: 'mpeg2video', openGop: true, audio: 'mp2' }],
      ['two audio tracks', { audioTracks: 2, languages: ['deu', 'fra'] }],
      ['constant bitrate', { extra: ['-muxrate', '1M'] }],
      ['video only', { audio: 'none' }],
      ['over the wrap of 33 bits', { startPts: 2 ** 33 - 45_000 }],
    ]
    test.each(clean)('%s: no error', async (_name, spec) => {
      const bytes = await encodeTs({ seconds: 3, ...spec })
      const report = await analyze(bytes, STANDARD)
      expect(violationCounts(report)).toEqual([])
      expect(report.packets).toBe(bytes.length / 188)
      expect(report.skippedBytes).toBe(0)
    })

    test('measures what ffprobe measures', async () => {
      const spec = { seconds: 3, audioTracks: 2, languages: ['deu', 'fra'], startPts: SECOND }
      const bytes = await encodeTs(spec)
      const { programs, durationMs, sdt } = await analyze(bytes, STANDARD)
      const [program] = programs
      const [video, german, french] = program!.tracks
      const probed = await withFile(bytes, (path) => ffprobePackets(path))
      const dts = probed.filter((packet) => packet.stream === 0).map((packet) => packet.dts!)
      expect(video!.video!.pictures).toBe(dts.length)
      expect(video!.durationMs).toBeCloseTo((dts.at(-1)! - dts[0]!) / 90, 2)
      expect(video!.firstPtsTicks).toBe(SECOND)
      expect(video!.video!.medianFrameMs).toBe(40)
      expect(video!.video!.randomAccessIntervalMs).toEqual({ min: 1000, max: 1000 })
      expect(video!.video!.format).toMatchObject({ codec: 'h264', width: 320, height: 180 })
      expect(german!.audio!.frames).toBe(probed.filter((packet) => packet.stream === 1).length)
      expect(german!.audio!.format).toMatchObject({ sampleRate: 48_000, channels: 2 })
      expect([german!.language, french!.language]).toEqual(['deu', 'fra'])
      expect(program!.audioOffsetMs).toBeCloseTo(-21.333, 2)
      expect(durationMs).toBeGreaterThan(2900)
      expect(sdt.sections).toBeGreaterThan(1)
      expect(program!.serviceName).toBe('Service01')
    })

    test('the wrap of 33 bits changes no figure', async () => {
      const plain = await analyze(await encodeTs({ seconds: 3, startPts: SECOND }), STANDARD)
      const wrapped = await analyze(
        await encodeTs({ seconds: 3, startPts: 2 ** 33 - SECOND }),
        STANDARD,
      )
      const figures = ({ programs }: typeof plain): unknown => [
        programs[0]!.audioOffsetMs,
        programs[0]!.interleaveSkewMs,
        programs[0]!.pcr,
        programs[0]!.tracks.map((track) => ({
          ...track,
          firstPtsTicks: 0,
          video: { ...track.video, longestStep: 0 },
        })),
      ]
      expect(figures(wrapped)).toEqual(figures(plain))
    })

    test('finds that ffmpeg sends PCR and tables too rarely for the program', async () => {
      const report = await analyze(await encodeTs({ seconds: 3 }), { rules: 'program' })
      expect(report.violations.map((violation) => violation.code)).toEqual([
        'pat_interval_program',
        'pmt_interval_program',
        'pcr_interval_program',
      ])
      expect(report.violations.every((violation) => violation.severity === 'error')).toBe(true)
    })

    test('a figure without a basis is not measurable', async () => {
      const report = await analyze(await encodeTs({ seconds: 3, audio: 'none' }), STANDARD)
      expect(report.programs[0]!.audioOffsetMs).toBe('not measurable')
      expect(report.programs[0]!.interleaveSkewMs).toBe('not measurable')
      expect(report.programs[0]!.pcr.accuracyNs).toBe('not measurable')
      expect(report.programs[0]!.pcr.arrivalJitterMs).toBe('not measurable')
      expect(formatReport(report)).toContain('audio offset not measurable')
    })
  },
)

const pcrs = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pcr !== undefined)

describe.skipIf(skip !== undefined)(`the analyzer on constant bitrate${skipNote(skip)}`, () => {
  let bytes: Buffer
  beforeAll(async () => {
    bytes = await encodeTs({ seconds: 3, extra: ['-muxrate', '1M'] })
  })

  test('finds the one PCR that is a millisecond late', async () => {
    const target = pcrs(bytes)[60]!
    const late = restamp(bytes, ({ index }) => (index === target.index ? { pcr: 90 } : undefined))
    const report = await analyze(late, STANDARD)
    expect(violationCounts(report)).toEqual(['pcr_accuracy × 1'])
    expect(report.violations[0]!.first.position).toBe(target.at)
    expect(report.programs[0]!.pcr.accuracyNs).toBeCloseTo(1_000_000, -4)
  })

  test('finds a wrong sync byte', async () => {
    const target = [...packetsOf(bytes)].find((p) => p.pid === PID_NULL && p.index > 400)!
    const damaged = editPackets(bytes, (out, { at, index }) => {
      if (index === target.index) out[at] = 0
    })
    const report = await analyze(damaged, STANDARD)
    expect(violationCounts(report)).toEqual(['sync_byte × 1'])
    expect(report.violations[0]!.first.position).toBe(target.at)
  })

  test('finds surplus bytes, and the packets behind them', async () => {
    const { at } = [...packetsOf(bytes)][500]!
    const more = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(100), bytes.subarray(at)])
    const report = await analyze(more, STANDARD)
    expect(violationCounts(report)).toEqual(['ts_sync_loss × 1', 'sync_byte × 1'])
    expect(report.skippedBytes).toBe(100)
    expect(report.packets).toBe(bytes.length / 188)
  })

  test('judges arrival where it is given', () => {
    const target = pcrs(bytes)[80]!
    const pcrReport = (arrival: { lateMs: number; scale: number }): PcrReport => {
      const analyzer = new Analyzer()
      for (const { at, index } of packetsOf(bytes)) {
        const late = index === target.index ? arrival.lateMs : 0
        const sentMs = (at * 8) / 1000
        analyzer.push(bytes.subarray(at, at + 188), millis(sentMs * arrival.scale + late))
      }
      analyzer.finish()
      return analyzer.report().programs[0]!.pcr
    }
    // Until it is synchronised, the analyzer holds back five packets: 6 ms of this bitrate.
    expect(pcrReport({ lateMs: 0, scale: 1 }).arrivalJitterMs).toBeLessThan(6.1)
    expect(pcrReport({ lateMs: 40, scale: 1 }).arrivalJitterMs).toBeCloseTo(40, -0.5)
    expect(pcrReport({ lateMs: 0, scale: 1 }).arrivalDriftPpm).toBeCloseTo(0, -2.5)
    expect(pcrReport({ lateMs: 0, scale: 0.99 }).arrivalDriftPpm).toBeCloseTo(10_000, -3)
  })

  test('gives the same report whatever the chunks', async () => {
    const whole = await analyze(bytes, STANDARD)
    for (const size of [1, 187, 188, 189, 1000, 65_536]) {
      const analyzer = new Analyzer(STANDARD)
      for (let at = 0; at < bytes.length; at += size) analyzer.push(bytes.subarray(at, at + size))
      analyzer.finish()
      expect(analyzer.report()).toEqual(whole)
    }
  })

  test.each([100, 5_000, 100_000])('survives %i damaged bytes in a million', async (perMillion) => {
    for (let seed = 1; seed <= 5; seed++) {
      const report = await analyze(corrupt(bytes, perMillion, seed), STANDARD)
      expect(report.bytes).toBe(bytes.length)
      expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    }
  })
})
