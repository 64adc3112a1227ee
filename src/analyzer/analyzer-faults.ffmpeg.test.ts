import { beforeAll, describe, expect, test } from 'vitest'
import { payloadAt, PID_PAT, startsUnit } from '../mpegts/packet.ts'
import {
  analyze,
  ffmpegContinuity,
  violationCounts,
  skipNote,
  missingTool,
  tsreport,
  withFile,
} from '../../test/helpers/oracles.ts'
import { encodeTs } from '../../test/helpers/stream-builder.ts'
import {
  dropPackets,
  editPackets,
  packetsOf,
  packetsOfUnits,
  restamp,
  withoutPackets,
  type PacketView,
} from '../../test/helpers/ts-edit.ts'
import type { Violation } from './analysis-report.ts'
import { buildPmt, parsePmt } from '../mpegts/psi.ts'
import { SectionAssembler } from '../mpegts/section.ts'

const skip = missingTool('ffmpeg', 'ffprobe', 'tsreport')

const VIDEO = 0x100
const AUDIO = 0x101
const PMT = 0x1000
const SECOND = 90_000
const STANDARD = { rules: 'standard' } as const

const codesOf = async (
  bytes: Uint8Array,
  severity: Violation['severity'] | 'any' = 'error',
): Promise<string[]> => violationCounts(await analyze(bytes, STANDARD), severity)

interface Planted {
  /** Codes of exactly the errors that are reported. */
  readonly errors: readonly string[] | ((bytes: Uint8Array) => readonly string[])
  /** Warnings that must be among those found. */
  readonly warns?: string
  readonly plant: (bytes: Uint8Array) => Uint8Array
  /** Complaint of tsreport; absent: it cannot detect this (and is not run). */
  readonly tsreport?: RegExp
  readonly ffmpeg?: 'continuity' | 'order'
}

const pictures = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pid === VIDEO && packet.pts !== undefined)

const audioPackets = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pid === AUDIO && packet.pts !== undefined)

const pcrs = (bytes: Uint8Array): PacketView[] =>
  [...packetsOf(bytes)].filter((packet) => packet.pcr !== undefined)

/** A picture in the middle that carries no PCR, so that the clock is unaffected. */
const lonePicture = (bytes: Uint8Array): PacketView =>
  pictures(bytes).find((p, i) => i > 30 && p.pcr === undefined)!

/** Packet index of the third GOP's start, with a PCR. */
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
      const from = audioPackets(b)[6]!.index
      const later = { pts: 2_000, dts: 2_000 }
      return restamp(b, (p) => (p.pid === AUDIO && p.index >= from ? later : undefined))
    },
  },
  'audio that overlaps': {
    errors: ['audio_overlap × 1'],
    plant: (b) => {
      const from = audioPackets(b)[6]!.index
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
      const rap = pictures(b)[50]!.index
      return withoutPackets(
        b,
        ({ pid, index }) => (pid === PID_PAT || pid === PMT) && index < rap && index > rap - 9,
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
    errors: (b) => [`dts_before_pcr × ${audioPackets(b).length}`],
    plant: (b) => restamp(b, (p) => (p.pid === AUDIO ? { pts: -90_000 } : undefined)),
    tsreport: /DTS .* < PCR/,
  },
  'a PES packet cut short': {
    errors: ['audio_hole × 1'],
    warns: 'pes_incomplete × 1',
    plant: (b) => {
      const unit = [...packetsOfUnits(b, ({ index }) => index === audioPackets(b)[6]!.index)]
      return withoutPackets(b, ({ index }) => unit.slice(-8).includes(index))
    },
  },
}

describe.skipIf(skip !== undefined)(
  `the analyzer finds a planted fault exactly${skipNote(skip)}`,
  () => {
    let bytes: Buffer
    beforeAll(async () => {
      bytes = await encodeTs({ seconds: 4 })
    })

    test.each(Object.entries(planted))('%s', async (_name, fault) => {
      const damaged = fault.plant(bytes)
      expect(damaged).not.toEqual(Uint8Array.from(bytes))
      const { errors } = fault
      expect(await codesOf(damaged)).toEqual(typeof errors === 'function' ? errors(bytes) : errors)
      if (fault.warns !== undefined)
        expect(await codesOf(damaged, 'warning')).toContain(fault.warns)
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

    test('a signalled discontinuity allows the jump, and is counted', async () => {
      const from = thirdGop(bytes)
      expect(pcrs(bytes).map(({ index }) => index)).toContain(from)
      const shift = { pts: 10 * SECOND, dts: 10 * SECOND, pcr: 10 * SECOND }
      const jumped = restamp(bytes, ({ index }) => (index >= from ? shift : undefined))
      const signalled = editPackets(jumped, (out, { at, index }) => {
        if (index === from) out[at + 5] = out[at + 5]! | 0x80
      })
      const report = await analyze(signalled, STANDARD)
      expect(violationCounts(report)).toEqual([])
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
  },
)
