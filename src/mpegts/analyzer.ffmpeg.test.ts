import { beforeAll, describe, expect, test } from 'vitest'
import { payloadAt, PID_NULL, PID_PAT, startsUnit } from './packet.ts'
import {
  analyze,
  ffmpegContinuity,
  ffprobePackets,
  found,
  missingTool,
  tsreport,
  withFile,
} from '../../test/helpers/oracles.ts'
import { encodeTs, type EncodeSpec } from '../../test/helpers/stream-builder.ts'
import {
  corrupt,
  dropPackets,
  editPackets,
  packetsOf,
  packetsOfUnits,
  restamp,
  withoutPackets,
  type PacketView,
} from '../../test/helpers/ts-edit.ts'
import { millis } from '../contract/time.ts'
import type { PcrReport, Violation } from './analysis-report.ts'
import { formatReport } from './analysis-text.ts'
import { Analyzer } from './analyzer.ts'
import { buildPmt, parsePmt } from './psi.ts'
import { SectionAssembler } from './section.ts'

const skip = missingTool('ffmpeg', 'ffprobe', 'tsreport')

const VIDEO = 0x100
const AUDIO = 0x101
const PMT = 0x1000
const SECOND = 90_000
const STANDARD = { rules: 'standard' } as const

const codesOf = async (
  bytes: Uint8Array,
  severity: Violation['severity'] | 'any' = 'error',
): Promise<string[]> => found(await analyze(bytes, STANDARD), severity)

describe.skipIf(skip !== undefined)('the analyzer on clean streams of ffmpeg', () => {
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
    expect(found(report)).toEqual([])
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

  test('finds that ffmpeg spreads PCR and tables too thin for the program', async () => {
    const report = await analyze(await encodeTs({ seconds: 3 }), { rules: 'program' })
    expect(report.violations.map((violation) => violation.code)).toEqual([
      'pat_interval_program',
      'pmt_interval_program',
      'pcr_interval_program',
    ])
    expect(report.violations.every((violation) => violation.severity === 'error')).toBe(true)
  })

  test('what there is no basis for is not measurable', async () => {
    const report = await analyze(await encodeTs({ seconds: 3, audio: 'none' }), STANDARD)
    expect(report.programs[0]!.audioOffsetMs).toBe('not measurable')
    expect(report.programs[0]!.interleaveSkewMs).toBe('not measurable')
    expect(report.programs[0]!.pcr.accuracyNs).toBe('not measurable')
    expect(report.programs[0]!.pcr.arrivalJitterMs).toBe('not measurable')
    expect(formatReport(report)).toContain('audio offset not measurable')
  })
})

interface Planted {
  /** Exactly the errors that are found, and nothing else. */
  readonly errors: readonly string[] | ((bytes: Uint8Array) => readonly string[])
  /** Warnings that must be among those found. */
  readonly warns?: string
  readonly plant: (bytes: Uint8Array) => Uint8Array
  /** Complaint of tsreport; absent: it can't detect this (and is not asked). */
  readonly tsreport?: RegExp
  readonly ffmpeg?: 'continuity' | 'order'
}

const pictures = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pid === VIDEO && packet.pts !== undefined)

const sounds = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pid === AUDIO && packet.pts !== undefined)

const pcrs = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pcr !== undefined)

/** A picture in the middle that carries no PCR: the clock does not miss it. */
const lonePicture = (bytes: Uint8Array): PacketView =>
  pictures(bytes).find((p, i) => i > 30 && p.pcr === undefined)!

/** Packet index where the third GOP begins, with a PCR. */
const thirdGop = (bytes: Uint8Array): number => pictures(bytes)[50]!.index

/** A packet inside a picture. */
const innerPacket = (bytes: Uint8Array): PacketView =>
  [...packetsOf(bytes)].find(
    (p) => p.index > 300 && p.pid === VIDEO && !p.starts && p.pcr === undefined,
  )!

/** Index of the first packet whose PCR has passed `seconds` since the first. */
const indexAt = (bytes: Uint8Array, seconds: number): number => {
  const all = pcrs(bytes)
  return all.find((packet) => packet.pcr! - all[0]!.pcr! >= seconds * 27e6)!.index
}

const between = (bytes: Uint8Array, from: number, to: number): ((p: PacketView) => boolean) => {
  const first = indexAt(bytes, from)
  const last = indexAt(bytes, to)
  return (packet) => packet.index >= first && packet.index < last
}

/** Rewrites every PMT from packet `from` on. */
const rewritePmt = (
  bytes: Uint8Array,
  from: number,
  change: (pmt: NonNullable<ReturnType<typeof parsePmt>>) => Parameters<typeof buildPmt>[0],
): Uint8Array =>
  editPackets(bytes, (out, { at, pid, index }) => {
    if (pid !== PMT || index < from || !startsUnit(out, at)) return
    const to = at + 188
    const assembler = new SectionAssembler((section) => {
      const changed = buildPmt(change(parsePmt(section)!))
      out.fill(0xff, payloadAt(out, at) + 1, to)
      out.set(changed, payloadAt(out, at) + 1)
    })
    assembler.push(Uint8Array.from(out.subarray(at, to)), {
      from: payloadAt(out, at) - at,
      to: 188,
      startsSection: true,
    })
  })

const planted: Record<string, Planted> = {
  'a lost packet': {
    errors: ['continuity × 1'],
    plant: (b) => dropPackets(b, ({ index }) => index === innerPacket(b).index),
    tsreport: /Continuity Counter discontinuity/,
    ffmpeg: 'continuity',
  },
  'a packet marked as damaged': {
    errors: ['transport_error × 1'],
    plant: (b) =>
      editPackets(b, (out, { at, index }) => {
        if (index === innerPacket(b).index) out[at + 1] = out[at + 1]! | 0x80
      }),
  },
  'a DTS before the one before it': {
    errors: ['dts_order × 1'],
    plant: (b) => {
      const target = pictures(b).find((p, i) => i > 30 && p.dts !== undefined)!
      return restamp(b, ({ index }) => (index === target.index ? { dts: -4_000 } : undefined))
    },
    tsreport: /DTS .* < previous DTS/,
    ffmpeg: 'order',
  },
  'no PAT for 600 ms': {
    errors: ['pat_interval × 1'],
    plant: (b) => {
      const gone = between(b, 1.2, 1.9)
      return withoutPackets(b, (p) => p.pid === PID_PAT && gone(p))
    },
  },
  'no PMT for 600 ms': {
    errors: ['pmt_interval × 1'],
    plant: (b) => {
      const gone = between(b, 1.2, 1.9)
      return withoutPackets(b, (p) => p.pid === PMT && gone(p))
    },
  },
  'no PAT at all': {
    errors: ['pat_missing × 1'],
    plant: (b) => withoutPackets(b, (p) => p.pid === PID_PAT),
  },
  'no PMT at all': {
    errors: ['pmt_missing × 1'],
    plant: (b) => withoutPackets(b, (p) => p.pid === PMT),
  },
  'no PCR for 300 ms': {
    errors: ['pcr_repetition × 1'],
    plant: (b) => {
      const gone = between(b, 1.2, 1.5)
      return editPackets(b, (out, packet) => {
        if (packet.pcr !== undefined && gone(packet))
          out[packet.at + 5] = out[packet.at + 5]! & ~0x10
      })
    },
    tsreport: /PCR gap/,
  },
  'no PCR at all': {
    errors: ['pcr_missing × 1'],
    plant: (b) =>
      editPackets(b, (out, { at, pcr }) => {
        if (pcr !== undefined) out[at + 5] = out[at + 5]! & ~0x10
      }),
  },
  'one PCR a second early': {
    errors: ['pcr_discontinuity × 1', 'pcr_backwards × 1'],
    plant: (b) => {
      const target = pcrs(b)[20]!
      return restamp(b, ({ index }) => (index === target.index ? { pcr: -SECOND } : undefined))
    },
    tsreport: /is not more than previous PCR/,
  },
  'everything ten seconds later from the middle on, not signalled': {
    errors: ['pcr_discontinuity × 1', 'presentation_gap × 1', 'audio_hole × 1'],
    plant: (b) => {
      const from = thirdGop(b)
      const shift = { pts: 10 * SECOND, dts: 10 * SECOND, pcr: 10 * SECOND }
      return restamp(b, ({ index }) => (index >= from ? shift : undefined))
    },
    tsreport: /PCR gap/,
  },
  'a missing picture': {
    errors: ['presentation_gap × 1'],
    plant: (b) => {
      const units = packetsOfUnits(b, ({ index }) => index === lonePicture(b).index)
      return withoutPackets(b, ({ index }) => units.has(index))
    },
  },
  'a hole in the audio': {
    errors: ['audio_hole × 1'],
    plant: (b) => {
      const from = sounds(b)[6]!.index
      const later = { pts: 2_000, dts: 2_000 }
      return restamp(b, (p) => (p.pid === AUDIO && p.index >= from ? later : undefined))
    },
  },
  'audio that overlaps': {
    errors: ['audio_overlap × 1'],
    plant: (b) => {
      const from = sounds(b)[6]!.index
      const earlier = { pts: -2_000, dts: -2_000 }
      return restamp(b, (p) => (p.pid === AUDIO && p.index >= from ? earlier : undefined))
    },
  },
  'a second without audio': {
    errors: ['pts_repetition × 1', 'audio_hole × 1'],
    plant: (b) => {
      const units = packetsOfUnits(b, (p) => p.pid === AUDIO && between(b, 1, 2)(p))
      return withoutPackets(b, ({ index }) => units.has(index))
    },
  },
  'a PTS before its DTS': {
    errors: ['pts_before_dts × 1', 'pts_order × 1', 'presentation_gap × 1'],
    plant: (b) => {
      const target = pictures(b).find((p, i) => i > 30 && p.dts !== undefined)!
      return restamp(b, ({ index }) => (index === target.index ? { pts: -20_000 } : undefined))
    },
    tsreport: /PTS .* < DTS/,
  },
  'a damaged PMT': {
    errors: ['crc × 1'],
    plant: (b) => {
      const target = [...packetsOf(b)].filter((p) => p.pid === PMT)[5]!
      return editPackets(b, (out, { at, index }) => {
        if (index === target.index) out[at + 15] = out[at + 15]! ^ 0x01
      })
    },
  },
  'another PMT under the same version': {
    errors: ['table_content_only × 1'],
    plant: (b) =>
      rewritePmt(b, indexAt(b, 1.5), (pmt) => ({
        ...pmt,
        descriptors: Uint8Array.from([0x80, 1, 7]),
      })),
  },
  'another version of the same PMT': {
    errors: [],
    warns: 'table_version_only × 1',
    plant: (b) => rewritePmt(b, indexAt(b, 1.5), (pmt) => ({ ...pmt, version: pmt.version + 1 })),
  },
  'a PID that changes, with a new version': {
    errors: [],
    warns: 'pids_changed × 1',
    plant: (b) => {
      const from = indexAt(b, 1.5)
      const moved = rewritePmt(b, from, (pmt) => ({
        ...pmt,
        version: pmt.version + 1,
        streams: pmt.streams.map((s) => (s.pid === AUDIO ? { ...s, pid: AUDIO + 9 } : s)),
      }))
      return editPackets(moved, (out, { at, pid, index }) => {
        if (pid === AUDIO && index >= from) out[at + 2] = (AUDIO + 9) & 0xff
      })
    },
  },
  'a random access point without tables before it': {
    errors: [],
    warns: 'random_access_without_tables × 1',
    plant: (b) => {
      const entry = pictures(b)[50]!.index
      return withoutPackets(
        b,
        ({ pid, index }) => (pid === PID_PAT || pid === PMT) && index < entry && index > entry - 9,
      )
    },
  },
  'scrambled packets without a CAT': {
    errors: ['cat_missing × 1'],
    plant: (b) =>
      editPackets(b, (out, { at, index }) => {
        if (index === innerPacket(b).index) out[at + 3] = out[at + 3]! | 0x80
      }),
  },
  'audio that comes after its time': {
    errors: (b) => [`dts_before_pcr × ${sounds(b).length}`],
    plant: (b) => restamp(b, (p) => (p.pid === AUDIO ? { pts: -90_000 } : undefined)),
    tsreport: /DTS .* < PCR/,
  },
  'a PES packet cut short': {
    errors: ['audio_hole × 1'],
    warns: 'pes_incomplete × 1',
    plant: (b) => {
      const unit = [...packetsOfUnits(b, ({ index }) => index === sounds(b)[6]!.index)]
      return withoutPackets(b, ({ index }) => unit.slice(-8).includes(index))
    },
  },
}

describe.skipIf(skip !== undefined)('the analyzer finds a planted fault exactly', () => {
  let bytes: Buffer
  beforeAll(async () => {
    bytes = await encodeTs({ seconds: 4 })
  })

  test.each(Object.entries(planted))('%s', async (_name, fault) => {
    const damaged = fault.plant(bytes)
    expect(damaged).not.toEqual(Uint8Array.from(bytes))
    const { errors } = fault
    expect(await codesOf(damaged)).toEqual(typeof errors === 'function' ? errors(bytes) : errors)
    if (fault.warns !== undefined) expect(await codesOf(damaged, 'warning')).toContain(fault.warns)
  })

  const shared = Object.entries(planted).filter(([, fault]) => fault.tsreport ?? fault.ffmpeg)
  test.each(shared)('%s: found by the tools that can', async (_name, fault) => {
    await withFile(fault.plant(bytes), async (path) => {
      if (fault.tsreport !== undefined) {
        expect((await tsreport(path)).join('\n')).toMatch(fault.tsreport)
      }
      if (fault.ffmpeg !== undefined) {
        expect((await ffmpegContinuity(path))[fault.ffmpeg]).toBeGreaterThan(0)
      }
    })
  })

  test('the tools find nothing in the stream that the faults are planted in', async () => {
    await withFile(bytes, async (path) => {
      expect(await tsreport(path)).toEqual([])
      expect(await ffmpegContinuity(path)).toEqual({ continuity: 0, order: 0, corrupt: 0 })
    })
  })

  test('a signalled discontinuity excuses the jump, and is counted', async () => {
    const from = thirdGop(bytes)
    expect(pcrs(bytes).map(({ index }) => index)).toContain(from)
    const shift = { pts: 10 * SECOND, dts: 10 * SECOND, pcr: 10 * SECOND }
    const jumped = restamp(bytes, ({ index }) => (index >= from ? shift : undefined))
    const signalled = editPackets(jumped, (out, { at, index }) => {
      if (index === from) out[at + 5] = out[at + 5]! | 0x80
    })
    const report = await analyze(signalled, STANDARD)
    expect(found(report)).toEqual([])
    expect(report.signalledDiscontinuities).toBe(1)
    expect(report.programs[0]!.pcr.discontinuities).toBe(1)
    expect(report.durationMs).toBeLessThan(4_100)
  })

  test('a packet sent twice is a duplicate, sent three times an error', async () => {
    const { at } = innerPacket(bytes)
    const packet = bytes.subarray(at, at + 188)
    const twice = Buffer.concat([bytes.subarray(0, at), packet, bytes.subarray(at)])
    const report = await analyze(twice, STANDARD)
    expect([report.duplicates, report.continuityErrors]).toEqual([1, 0])
    const thrice = Buffer.concat([bytes.subarray(0, at), packet, packet, bytes.subarray(at)])
    expect((await analyze(thrice, STANDARD)).continuityErrors).toBe(1)
  })

  test('a track that goes away is missing after five seconds', async () => {
    const long = await encodeTs({ seconds: 8, size: '160x90' })
    const from = indexAt(long, 1)
    const mute = withoutPackets(long, ({ pid, index }) => pid === AUDIO && index >= from)
    expect(await codesOf(mute)).toEqual(['pid_missing × 1'])
  })
})

describe.skipIf(skip !== undefined)('the analyzer on constant bitrate', () => {
  let bytes: Buffer
  beforeAll(async () => {
    bytes = await encodeTs({ seconds: 3, extra: ['-muxrate', '1M'] })
  })

  test('finds the one PCR that is a millisecond late', async () => {
    const target = pcrs(bytes)[60]!
    const late = restamp(bytes, ({ index }) => (index === target.index ? { pcr: 90 } : undefined))
    const report = await analyze(late, STANDARD)
    expect(found(report)).toEqual(['pcr_accuracy × 1'])
    expect(report.violations[0]!.first.position).toBe(target.at)
    expect(report.programs[0]!.pcr.accuracyNs).toBeCloseTo(1_000_000, -4)
  })

  test('finds a wrong sync byte', async () => {
    const target = [...packetsOf(bytes)].find((p) => p.pid === PID_NULL && p.index > 400)!
    const damaged = editPackets(bytes, (out, { at, index }) => {
      if (index === target.index) out[at] = 0
    })
    const report = await analyze(damaged, STANDARD)
    expect(found(report)).toEqual(['sync_byte × 1'])
    expect(report.violations[0]!.first.position).toBe(target.at)
  })

  test('finds bytes that are too many, and the packets behind them', async () => {
    const { at } = [...packetsOf(bytes)][500]!
    const more = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(100), bytes.subarray(at)])
    const report = await analyze(more, STANDARD)
    expect(found(report)).toEqual(['ts_sync_loss × 1', 'sync_byte × 1'])
    expect(report.skippedBytes).toBe(100)
    expect(report.packets).toBe(bytes.length / 188)
  })

  test('judges arrival where it is told', () => {
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

  test('says the same whatever the chunks', async () => {
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
