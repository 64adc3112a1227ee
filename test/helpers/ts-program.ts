/** A small program of our own muxer, and the output of our own demuxer. */
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import { ticks, ticksOfMs } from '../../src/contract/time.ts'
import type { AccessUnit, Pid } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer, type DemuxOptions, type ElementaryProgram } from '../../src/mpegts/demuxer.ts'
import { TsMuxer, type MuxOptions, type MuxUnit } from '../../src/mpegts/muxer.ts'
import { adtsFrame, h264Unit } from './coded-units.ts'

export const VIDEO: Pid = 0x100
export const AUDIO: Pid = 0x101

export const muxOptions = (change: Partial<MuxOptions> = {}): MuxOptions => ({
  tracks: [
    { pid: VIDEO, codec: 'h264' },
    { pid: AUDIO, codec: 'aac', language: 'eng' },
  ],
  serviceName: 'test',
  muxDelay: ticksOfMs(700),
  ...change,
})

/** 25 frames per second in GOPs of 10, B-frames only in the times (PTS two frames late), AAC at 48 kHz; DTS order. */
export const unitsFrom = (
  start: number,
  pictures: number,
  size: (k: number) => number = () => 900,
): MuxUnit[] => {
  const units: MuxUnit[] = []
  for (let k = 0; k < pictures; k++) {
    const rap = k % 10 === 0
    const dts = ticks(start + k * 3600)
    const data = h264Unit(rap ? 'idr' : 'p', size(k), k)
    units.push({ track: 0, pts: ticks(dts + (k % 3) * 3600), dts, rap, data })
  }
  for (let k = 0; k * 1920 < pictures * 3600; k++) {
    const pts = ticks(start + k * 1920)
    units.push({ track: 1, pts, dts: pts, rap: false, data: adtsFrame(300 + (k % 50), k) })
  }
  return units.sort((a, b) => a.dts - b.dts)
}

export const muxAll = (units: readonly MuxUnit[], muxer = new TsMuxer(muxOptions())): Buffer => {
  const parts: Uint8Array[] = []
  for (const unit of units) {
    muxer.advance(unit.dts)
    muxer.write(unit)
    parts.push(muxer.takeBatch().bytes)
  }
  return Buffer.concat(parts)
}

export interface Demuxed {
  readonly programs: ElementaryProgram[]
  readonly units: AccessUnit[]
  readonly formats: (readonly [Pid, VideoFormat | AudioFormat])[]
  readonly pcrs: number[]
  readonly demuxer: TsDemuxer
}

export const openDemuxer = (options: DemuxOptions = {}): Demuxed => {
  const programs: ElementaryProgram[] = []
  const units: AccessUnit[] = []
  const formats: (readonly [Pid, VideoFormat | AudioFormat])[] = []
  const pcrs: number[] = []
  const demuxer = new TsDemuxer(
    {
      program: (program) => programs.push(program),
      unit: (unit) => units.push(unit),
      format: (pid, format) => formats.push([pid, format]),
      pcr: (pcr) => pcrs.push(pcr),
    },
    options,
  )
  return { programs, units, formats, pcrs, demuxer }
}

export const demuxAll = (
  bytes: Uint8Array,
  options: DemuxOptions & { chunk?: number } = {},
): Demuxed => {
  const demuxed = openDemuxer(options)
  const chunk = options.chunk ?? bytes.length
  for (let at = 0; at < bytes.length; at += chunk)
    demuxed.demuxer.push(bytes.subarray(at, at + chunk))
  demuxed.demuxer.flush()
  return demuxed
}

/** Fields that must survive: track, times, random access point, bytes. */
export const essence = (units: readonly AccessUnit[]): string[] =>
  units
    .map(({ pid, pts, dts, rap, data }) =>
      [pid, pts, dts, rap !== 'none', Buffer.from(data).toString('base64')].join(' '),
    )
    .sort()

export const writtenEssence = (units: readonly MuxUnit[]): string[] =>
  units
    .map(({ track, pts, dts, rap, data }) =>
      [[VIDEO, AUDIO][track], pts, dts, rap, Buffer.from(data).toString('base64')].join(' '),
    )
    .sort()
