/** Transport stream to access units: ISO/IEC 13818-1. Any chunking of bytes in, whole frames in decode order out. */
import { isVideoCodec, type AudioFormat, type VideoFormat } from '../contract/format.ts'
import type { AccessUnit, Pid } from './access-unit.ts'
import { AudioTrack } from './demux-audio.ts'
import { newTally, type DemuxCounters, type DemuxTally } from './demux-counters.ts'
import { VideoTrack } from './demux-video.ts'
import { PacketFramer, type PacketListener } from './packet-framer.ts'
import {
  CONTINUITY,
  DISCONTINUITY,
  HAS_ADAPTATION,
  HAS_PAYLOAD,
  HAS_PCR,
  HEADER_SIZE,
  PACKET_SIZE,
  PAYLOAD_UNIT_START,
  PID_COUNT,
  PID_FIRST_FREE,
  PID_NULL,
  PID_PAT,
  PID_SDT,
  SCRAMBLING,
  TRANSPORT_ERROR,
  pcrAt,
  pidAt,
} from './packet.ts'
import { IGNORED, PesAssembler, type PayloadConsumer } from './pes-assembler.ts'
import { ProgramTables, type ChosenProgram } from './program-tables.ts'
import type { PmtStream } from './psi.ts'
import { trackOf, type ElementaryProgram } from './elementary.ts'
import { codecOf } from './stream-types.ts'
import { PCR_STEPS, Unwrapper } from './timestamps.ts'
import type { WordBytes } from './word-bytes.ts'

export type { ElementaryProgram, ElementaryTrack } from './elementary.ts'

export interface DemuxSink {
  /** First PMT and each change of its content (or of the service name, or of what is scrambled). */
  program(program: ElementaryProgram): void
  /** Decode order per track. */
  unit(unit: AccessUnit): void
  /** First and each change; before the unit that it describes. */
  format(pid: Pid, format: VideoFormat | AudioFormat): void
  /** Unwrapped, 27 MHz, on the scale of the units' times (times 300); not before the first PTS has set that scale. */
  pcr?(pcr27: number, pid: Pid): void
}

export interface DemuxOptions {
  /** program_number; default: the first with media. */
  readonly program?: number
  /** Handling of a PES packet with missing bytes; default 'drop'. */
  readonly corruptUnits?: 'drop' | 'pass'
}

const VIDEO_SLAB_BYTES = 256 * 1024
const AUDIO_SLAB_BYTES = 16 * 1024
const MAX_ADAPTATION_BYTES = 183
const NO_PID = -1

/** State of one PID, its public counters included. */
class PidSlot {
  packets = 0
  continuityErrors = 0
  consumer: PayloadConsumer | undefined
  continuity = -1
  lastPacket: 'single' | 'repeated' = 'single'
  /** 'announced': a discontinuity_indicator allows the next jump of the counter. */
  nextJump: 'error' | 'announced' = 'error'
}

interface OpenTrack {
  readonly stream: PmtStream
  readonly assembler: PesAssembler
  readonly frames: VideoTrack | AudioTrack
}

export class TsDemuxer {
  readonly #sink: DemuxSink
  readonly #onDamage: 'drop' | 'pass'
  readonly #tally: DemuxTally = newTally()
  readonly #framer: PacketFramer
  readonly #tables: ProgramTables
  readonly #slots: (PidSlot | undefined)[] = new Array<PidSlot | undefined>(PID_COUNT).fill(
    undefined,
  )
  readonly #tracks = new Map<Pid, OpenTrack>()
  readonly #scrambled = new Set<Pid>()
  #clock = new Unwrapper()
  #program: ChosenProgram | undefined
  #pcrPid: Pid = NO_PID
  #pmtPids: ReadonlySet<Pid> = new Set()
  #currentSlot: PidSlot | undefined

  constructor(sink: DemuxSink, options: DemuxOptions = {}) {
    this.#sink = sink
    this.#onDamage = options.corruptUnits ?? 'drop'
    const listener: PacketListener = {
      packet: (source, at) => this.#onPacket(source, at),
      damaged: () => this.#currentSlot?.consumer?.lost(),
    }
    this.#framer = new PacketFramer(listener, this.#tally)
    this.#tables = new ProgramTables(
      {
        pmtPids: (pids) => this.#setPmtPids(pids),
        programChosen: (program) => this.#selectProgram(program),
        otherPids: (pids) => {
          for (const pid of pids)
            if (this.#slot(pid).consumer === undefined) this.#setConsumer(pid, IGNORED)
        },
      },
      this.#tally,
      options.program,
    )
    for (let pid = 0; pid < PID_FIRST_FREE; pid++) this.#setConsumer(pid, IGNORED)
    this.#setConsumer(PID_NULL, IGNORED)
    this.#setConsumer(PID_PAT, this.#tables.createPatConsumer())
    this.#setConsumer(PID_SDT, this.#tables.createSdtConsumer())
  }

  get counters(): DemuxCounters {
    return this.#tally
  }

  /** Any number of bytes. They may be overwritten after the call: units own their data. */
  push(chunk: Uint8Array): void {
    this.#framer.push(chunk)
  }

  /** End of stream: a PES packet of unbounded length is complete, what else is partial is dropped. */
  flush(): void {
    this.#framer.flush()
    for (const { assembler, frames } of this.#tracks.values()) {
      assembler.flush()
      frames.flush()
    }
  }

  /** After a reconnect: partial data and continuity are forgotten; tables, formats and counters stay. */
  reset(): void {
    this.#framer.reset()
    this.#currentSlot = undefined
    for (const slot of this.#slots) {
      if (slot === undefined) continue
      slot.continuity = -1
      slot.consumer?.reset()
    }
  }

  #onPacket(source: WordBytes, at: number): void {
    const b = source.bytes
    const tally = this.#tally
    tally.packets++
    if ((b[at + 1]! & TRANSPORT_ERROR) !== 0) {
      tally.transportErrors++
      return
    }
    const pid = pidAt(b, at)
    const slot = this.#slots[pid] ?? this.#slot(pid)
    if (slot.packets++ === 0) tally.pids.set(pid, slot)
    if (pid === PID_NULL) {
      tally.nullPackets++
      return
    }
    this.#currentSlot = slot
    const flags = b[at + 3]!
    let from = at + HEADER_SIZE
    if ((flags & HAS_ADAPTATION) !== 0) {
      from = this.#readAdaptation(b, at, { slot, pid })
      if (from < 0) return
    }
    if (slot.consumer === undefined) {
      tally.unknownPidPackets++
      return
    }
    if ((flags & HAS_PAYLOAD) === 0) return
    const to = at + PACKET_SIZE
    const step = ((flags & CONTINUITY) - slot.continuity) & CONTINUITY
    if (step !== 1 && slot.continuity >= 0) {
      if (step === 0 && this.#isRepeat(slot, slot.consumer.isRepeat(source, from, to))) return
      this.#onContinuityJump(slot)
    }
    slot.continuity = flags & CONTINUITY
    slot.lastPacket = 'single'
    slot.nextJump = 'error'
    if ((flags & SCRAMBLING) !== 0) this.#onScrambledPacket(pid, slot)
    else if ((b[at + 1]! & PAYLOAD_UNIT_START) !== 0) slot.consumer.start(source, from, to)
    else slot.consumer.append(source, from, to)
  }

  /** Returns the payload's offset, or -1 when the field is invalid. */
  #readAdaptation(b: Uint8Array, at: number, { slot, pid }: { slot: PidSlot; pid: Pid }): number {
    const length = b[at + HEADER_SIZE]!
    if (length > MAX_ADAPTATION_BYTES) {
      this.#tally.transportErrors++
      slot.consumer?.lost()
      return -1
    }
    const flags = length > 0 ? b[at + HEADER_SIZE + 1]! : 0
    if ((flags & DISCONTINUITY) !== 0) slot.nextJump = 'announced'
    if ((flags & HAS_PCR) !== 0 && length >= 7 && pid === this.#pcrPid)
      this.#onPcr(pcrAt(b, at), pid)
    return at + HEADER_SIZE + 1 + length
  }

  #onPcr(raw27: number, pid: Pid): void {
    // The first PTS or DTS sets the scale: a PCR just before the wrap would lift all times by 2^33.
    if (this.#sink.pcr === undefined || !this.#clock.isStarted) return
    const base = Math.floor(raw27 / PCR_STEPS)
    this.#sink.pcr(this.#clock.unwrap(base) * PCR_STEPS + (raw27 - base * PCR_STEPS), pid)
  }

  /** 2.4.3.3: a packet may be sent twice, not more often. If its bytes are gone, the first repetition is accepted. */
  #isRepeat(slot: PidSlot, sameBytes: boolean | undefined): boolean {
    if (slot.lastPacket === 'repeated' || sameBytes === false) return false
    slot.lastPacket = 'repeated'
    this.#tally.duplicates++
    return true
  }

  #onContinuityJump(slot: PidSlot): void {
    if (slot.nextJump === 'error') {
      slot.continuityErrors++
      this.#tally.continuityErrors++
    }
    slot.consumer?.lost()
  }

  #onScrambledPacket(pid: Pid, slot: PidSlot): void {
    this.#tally.scrambledPackets++
    slot.consumer?.lost()
    if (this.#scrambled.has(pid)) return
    this.#scrambled.add(pid)
    if (this.#tracks.has(pid)) this.#emitProgram()
  }

  #slot(pid: Pid): PidSlot {
    return (this.#slots[pid] ??= new PidSlot())
  }

  #setConsumer(pid: Pid, consumer: PayloadConsumer | undefined): void {
    this.#slot(pid).consumer = consumer
  }

  #setPmtPids(pids: ReadonlySet<Pid>): void {
    for (const pid of this.#pmtPids) if (!pids.has(pid)) this.#setConsumer(pid, undefined)
    for (const pid of pids) {
      if (!this.#pmtPids.has(pid)) this.#setConsumer(pid, this.#tables.createPmtConsumer())
    }
    this.#pmtPids = pids
    for (const pid of pids) this.#tracks.delete(pid)
  }

  #selectProgram(program: ChosenProgram | undefined): void {
    this.#program = program
    this.#pcrPid = program?.pmt.pcrPid ?? NO_PID
    const streams = program?.pmt.streams ?? []
    for (const [pid, open] of this.#tracks) {
      if (streams.some((stream) => stream.pid === pid && sameStream(stream, open.stream))) continue
      open.assembler.flush()
      open.frames.flush()
      this.#tracks.delete(pid)
      this.#setConsumer(pid, undefined)
    }
    for (const stream of streams) this.#openTrack(stream)
    if (program !== undefined) {
      const pcrSlot = this.#slot(program.pmt.pcrPid)
      pcrSlot.consumer ??= IGNORED
      this.#emitProgram()
    }
  }

  #openTrack(stream: PmtStream): void {
    const { pid } = stream
    if (this.#tracks.has(pid) || this.#pmtPids.has(pid) || pid < PID_FIRST_FREE) return
    const codec = codecOf(stream.streamType, stream.descriptors)
    if (codec === undefined) {
      this.#setConsumer(pid, IGNORED)
      return
    }
    const context = { pid, sink: this.#sink, tally: this.#tally, clock: this.#clock }
    const video = isVideoCodec(codec)
    const frames = video ? new VideoTrack(codec, context) : new AudioTrack(codec, context)
    const assembler = new PesAssembler(frames, {
      tally: this.#tally,
      slabSize: video ? VIDEO_SLAB_BYTES : AUDIO_SLAB_BYTES,
      onDamage: video ? this.#onDamage : 'drop',
    })
    this.#tracks.set(pid, { stream, assembler, frames })
    this.#setConsumer(pid, assembler)
  }

  #emitProgram(): void {
    const program = this.#program
    if (program === undefined) return
    const { pmt, pmtPid, serviceName } = program
    this.#sink.program({
      number: pmt.program,
      pmtPid,
      pcrPid: pmt.pcrPid,
      version: pmt.version,
      tracks: pmt.streams.map((stream) => trackOf(stream, this.#scrambled)),
      ...(serviceName === undefined ? {} : { serviceName }),
    })
  }
}

const sameStream = (a: PmtStream, b: PmtStream): boolean =>
  codecOf(a.streamType, a.descriptors) === codecOf(b.streamType, b.descriptors)
