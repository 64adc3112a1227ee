/** Access units to one program in a transport stream: ISO/IEC 13818-1; DESIGN.md section 3, invariants 1 and 2. */
import { isVideoCodec, type Codec } from '../contract/format.ts'
import { ticksOfMs, type Ticks90k } from '../contract/time.ts'
import { delimiterFor } from './access-unit-delimiter.ts'
import type { Pid } from './access-unit.ts'
import { MuxTables, type TableTrack } from './mux-tables.ts'
import { PID_FIRST_FREE, PID_NULL, PID_PAT, PID_SDT, MAX_PAYLOAD_BYTES } from './packet.ts'
import { PacketWriter, PidWriter } from './packet-writer.ts'
import { pesHeaderSize, writePesHeader } from './pes.ts'
import { MAX_PCR_INTERVAL_TICKS, PcrClock } from './pcr-clock.ts'
import { signalOf } from './stream-types.ts'
import { wrap33 } from './timestamps.ts'
import { WordBytes } from './word-bytes.ts'

export interface MuxTrack {
  readonly pid: Pid
  readonly codec: Codec
  /** Three letters of ISO 639-2. */
  readonly language?: string
}

export interface MuxOptions {
  readonly tracks: readonly MuxTrack[]
  readonly programNumber?: number
  readonly transportStreamId?: number
  readonly pmtPid?: Pid
  readonly serviceName: string
  readonly provider?: string
  /** Maximum distance of a unit's DTS ahead of the PCR before it. */
  readonly muxDelay: Ticks90k
  /** Default 50 ms: the tables follow the next PCR after that, which is at most 40 ms away. */
  readonly psiInterval?: Ticks90k
  /** Time after which a packet of its own carries the PCR, if no unit did; default 30 ms. */
  readonly pcrInterval?: Ticks90k
  /** Default 500 ms. */
  readonly sdtInterval?: Ticks90k
}

export interface MuxUnit {
  /** Index into the tracks. */
  readonly track: number
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  /** Random access point: PAT and PMT before it, random_access_indicator and PCR in it. */
  readonly rap: boolean
  readonly data: Uint8Array
}

export interface MuxedBatch {
  /** Whole packets; never overwritten. */
  readonly bytes: Uint8Array
  /** Offset of the first random access point (of its PAT), or -1. */
  readonly randomAccess: number
}

const DEFAULT_PMT_PID: Pid = 0x1000
/** PES header with stuffing, an end of sequence and a delimiter stay below this. */
const MAX_HEAD_BYTES = 64
/** Two PCR differ by at least this. */
const MIN_PCR_STEP_TICKS = 1
/** A time step above this is a hole: it is not filled with PCR packets. */
const MAX_FILL_TICKS = 90_000
const LANGUAGE = /^[a-z]{3}$/i

/**
 * Contract of the caller: `advance(t)` with t that never falls, then the units that are due at `t` (their DTS is about
 * t or above, strictly increasing per track), then `takeBatch()`. Continuity counters run on for the muxer's whole life.
 * How the PCR follows from this: PcrClock.
 */
export class TsMuxer {
  readonly #tracks: TableTrack[]
  readonly #tables: MuxTables
  readonly #clock: PcrClock
  readonly #writer = new PacketWriter()
  readonly #pat = new PidWriter(PID_PAT)
  readonly #sdt = new PidWriter(PID_SDT)
  readonly #pmt: PidWriter
  readonly #pidWriters: readonly PidWriter[]
  readonly #pcrPid: PidWriter
  readonly #psiInterval: number
  readonly #sdtInterval: number
  readonly #pcrInterval: number
  readonly #head = new Uint8Array(MAX_HEAD_BYTES)
  #psiAt = -Infinity
  #sdtAt = -Infinity
  #randomAccess = -1

  constructor(options: MuxOptions) {
    const pmtPid = options.pmtPid ?? DEFAULT_PMT_PID
    checkTracks(options.tracks, pmtPid)
    this.#tracks = [...options.tracks]
    this.#pmt = new PidWriter(pmtPid)
    this.#pidWriters = options.tracks.map(({ pid }) => new PidWriter(pid))
    const video = options.tracks.findIndex(({ codec }) => isVideoCodec(codec))
    this.#pcrPid = this.#pidWriters[Math.max(0, video)]!
    this.#tables = new MuxTables(
      {
        programNumber: options.programNumber ?? 1,
        transportStreamId: options.transportStreamId ?? 1,
        provider: options.provider ?? 'Sluice',
        pmtPid,
        pcrPid: this.#pcrPid.pid,
      },
      this.#tracks,
      options.serviceName,
    )
    this.#clock = new PcrClock(options.muxDelay, options.tracks.length)
    this.#psiInterval = options.psiInterval ?? ticksOfMs(50)
    this.#sdtInterval = options.sdtInterval ?? ticksOfMs(500)
    this.#pcrInterval = options.pcrInterval ?? ticksOfMs(30)
  }

  /** Units whose DTS lay below a PCR already written: breaches of the contract by the caller. */
  get lateUnits(): number {
    return this.#clock.lateUnits
  }

  /** The program clock reached `t` (same scale as DTS): tables and PCR that are due. */
  advance(t: Ticks90k): void {
    this.#clock.advance(t)
    this.#fillPcr()
  }

  write(unit: MuxUnit): void {
    const writer = this.#pidWriters[unit.track]
    const track = this.#tracks[unit.track]
    if (writer === undefined || track === undefined) {
      throw new RangeError(
        `there is no track ${unit.track}: the program has ${this.#tracks.length}`,
      )
    }
    this.#clock.onUnit(unit.track, unit.dts)
    this.#fillPcr()
    const pcr = this.#pcrFor(unit, writer)
    if (unit.rap) {
      if (this.#randomAccess < 0) this.#randomAccess = this.#writer.output.pending
      this.#writeTables()
    } else if (pcr !== undefined || this.#psiAt === -Infinity) this.#writeDueTables()
    if (unit.rap && writer !== this.#pcrPid) this.#writePcrPacket()
    this.#writeUnit(unit, { writer, codec: track.codec, pcr })
  }

  /** Writes PAT and PMT, so that a segment decodes by itself. Call after the first `advance` or unit. */
  writeTables(): void {
    this.#writeTables()
  }

  /** The packets since the last call. */
  takeBatch(): MuxedBatch {
    if (this.#ticksSincePcr() >= this.#pcrInterval) this.#writePcrPacket()
    const batch = { bytes: this.#writer.output.takeBatch(), randomAccess: this.#randomAccess }
    this.#randomAccess = -1
    return batch
  }

  /** Changes a track; new content raises the PMT version. */
  setTrack(index: number, change: { readonly codec?: Codec; readonly language?: string }): void {
    const track = this.#tracks[index]
    if (track === undefined) throw new RangeError(`there is no track ${index}`)
    const changed = { ...track, ...change }
    checkLanguage(changed)
    this.#tracks[index] = changed
    this.#tables.setTracks(this.#tracks)
  }

  setServiceName(name: string): void {
    this.#tables.setServiceName(name)
  }

  /** The next packet of each PID carries the discontinuity_indicator: timestamps leave a hole here. */
  markDiscontinuity(): void {
    for (const writer of [this.#pat, this.#pmt, this.#sdt, ...this.#pidWriters])
      writer.flow = 'broken'
  }

  #writeUnit(
    unit: MuxUnit,
    to: { readonly writer: PidWriter; readonly codec: Codec; readonly pcr: number | undefined },
  ): void {
    const { writer, codec, pcr } = to
    const delimiter = delimiterFor(codec, unit.data)
    const data = new WordBytes(unit.data)
    const first = { randomAccess: unit.rap ? 'yes' : 'no', pcr } as const
    const fields = {
      streamId: signalOf(codec).streamId,
      pts33: wrap33(unit.pts),
      dts33: wrap33(Math.min(unit.dts, unit.pts)),
      payload: delimiter.bytes.length + unit.data.length - delimiter.rest,
      stuffing: 0,
    }
    // Up to three bytes of stuffing put the following packets' payload on the same word phase as the unit's bytes.
    const before = pesHeaderSize(fields) + delimiter.bytes.length
    const room = MAX_PAYLOAD_BYTES - this.#writer.firstAdaptationBytes(writer, first) - before
    if (unit.data.length > 2 * MAX_PAYLOAD_BYTES)
      fields.stuffing = data.phase(delimiter.rest + room)
    const size = writePesHeader(this.#head, 0, fields)
    this.#head.set(delimiter.bytes, size)
    const headSize = size + delimiter.bytes.length
    this.#writer.writeUnit(
      writer,
      { head: this.#head, headSize, data, from: delimiter.rest },
      first,
    )
  }

  /** The PCR that goes into this unit's first packet, if any. */
  #pcrFor(unit: MuxUnit, writer: PidWriter): number | undefined {
    if (writer !== this.#pcrPid) return undefined
    if (!unit.rap && this.#ticksSincePcr() < this.#pcrInterval / 2) return undefined
    const pcr = this.#monotonicPcr(Math.min(this.#clock.now!, Math.round(unit.dts)))
    if (pcr > unit.dts) return undefined
    this.#clock.onPcrWritten(pcr)
    return pcr
  }

  /** The PCR of a later byte is a later time, also where the caller's clock stands still. */
  #monotonicPcr(pcr: number): number {
    return Math.max(pcr, (this.#clock.last ?? -Infinity) + MIN_PCR_STEP_TICKS)
  }

  #ticksSincePcr(): number {
    const { now, last } = this.#clock
    if (now === undefined) return -Infinity
    return last === undefined ? Infinity : now - last
  }

  /** Keeps the PCR interval within its limit, however far the clock stepped. */
  #fillPcr(): void {
    if (this.#ticksSincePcr() > MAX_FILL_TICKS) return
    while (this.#ticksSincePcr() > MAX_PCR_INTERVAL_TICKS)
      this.#writePcrPacket(this.#clock.last! + this.#pcrInterval)
  }

  #writePcrPacket(wanted = this.#clock.now!): void {
    const pcr = this.#monotonicPcr(wanted)
    this.#clock.onPcrWritten(pcr)
    this.#writeDueTables()
    this.#writer.writePcrPacket(this.#pcrPid, pcr)
  }

  /** Writes tables just before a PCR, so that their interval is that of two PCR by any clock. */
  #writeDueTables(): void {
    const now = this.#clock.last
    if (now === undefined || now - this.#psiAt >= this.#psiInterval) this.#writeTables()
  }

  #writeTables(): void {
    const now = this.#clock.last ?? this.#clock.now!
    this.#psiAt = now
    this.#writer.writeSection(this.#pat, this.#tables.pat.section)
    this.#writer.writeSection(this.#pmt, this.#tables.pmt.section)
    if (now - this.#sdtAt < this.#sdtInterval) return
    this.#sdtAt = now
    this.#writer.writeSection(this.#sdt, this.#tables.sdt.section)
  }
}

const checkTracks = (tracks: readonly MuxTrack[], pmtPid: Pid): void => {
  if (tracks.length === 0) throw new RangeError('a program needs at least one track')
  const seen = new Set<Pid>()
  for (const pid of [pmtPid, ...tracks.map((track) => track.pid)]) {
    if (!Number.isInteger(pid) || pid < PID_FIRST_FREE || pid >= PID_NULL) {
      throw new RangeError(`PID ${pid} must be between ${PID_FIRST_FREE} and ${PID_NULL - 1}`)
    }
    if (seen.has(pid)) throw new RangeError(`PID ${pid} is used twice`)
    seen.add(pid)
  }
  for (const track of tracks) checkLanguage(track)
}

const checkLanguage = (track: { readonly language?: string }): void => {
  if (track.language === undefined || LANGUAGE.test(track.language)) return
  throw new RangeError(
    `language ${JSON.stringify(track.language)} must be three letters (ISO 639-2)`,
  )
}
