import type { Ticks90k } from '../../../contract/time.ts'
import { ticks } from '../../../contract/time.ts'
import type { TimedBytes } from '../interface/output.ts'
import { ProgramTime } from '../interface/program-time.ts'
import type { DatagramPayload, Shaper } from './shaper.ts'
import { hasPcr, nullPacket, pcrOf, pcrPacket, pidOf, withPcr } from './ts-fill.ts'

const TS_PACKET_BYTES = 188
const PCR_HZ = 27_000_000
/**
 * Lead of all clock references over the program's own, for a picture that is larger than the rate and waits with its clock
 * reference: it still arrives before its decoding time.
 */
const PCR_LEAD_TICKS = 0.3 * PCR_HZ
/** Lateness at which the clock references restart, with a discontinuity: the program does not fit the rate. */
const MAX_LATE_PCR_TICKS = 0.5 * PCR_HZ
const MAX_EARLY_PCR_TICKS = 2 * PCR_HZ
/** Limits: 100 ms in ISO/IEC 13818-1, 40 ms in DVB. */
const PCR_INTERVAL_TICKS = 0.035 * PCR_HZ
/** Bounded; the rest stays in the ring. */
const MAX_QUEUE_BYTES = 64 * 1024
const MAX_STALL_MS = 1_000

export interface ConstantBitrateOptions {
  /** TS packets per datagram. */
  readonly packets: number
  /** Bits per second of TS packets. */
  readonly bitrate: number
}

interface QueuedPart {
  readonly bytes: Uint8Array
  readonly from: number
  /** The program's clock references do not continue here. */
  readonly skipped: boolean
}

/**
 * A constant bitrate: each packet slot takes the program's next packet when one is due, else a null packet. The
 * program clock references are rewritten to the position at which they leave (ISO/IEC 13818-1, 2.4.2.2), and
 * added where the program has too long an interval between two of them.
 */
export class ConstantBitrate implements Shaper {
  readonly #packets: number
  readonly #bitrate: number
  readonly #clock = new ProgramTime()
  readonly #queue: QueuedPart[] = []
  #queued = 0
  #headAt = 0
  #startedAt: number | undefined
  #startTime: Ticks90k | undefined
  #slot = 0
  /** 27 MHz value of slot 0; undefined until the first clock reference has been seen. */
  #base: number | undefined
  #lastPcrSlot = 0
  #pcrPid = -1
  #pcrCounter = 0
  #overruns = 0

  constructor(options: ConstantBitrateOptions) {
    this.#packets = options.packets
    this.#bitrate = options.bitrate
  }

  get overruns(): number {
    return this.#overruns
  }

  hasRoom(): boolean {
    return this.#queued < MAX_QUEUE_BYTES
  }

  addPart(part: TimedBytes, now: number): void {
    this.#clock.addArrival(part.time, now)
    this.#startedAt ??= now
    this.#startTime ??= part.time
    this.#queue.push({
      bytes: part.bytes,
      from: this.#clock.dueAt(part.time),
      skipped: part.skipped,
    })
    this.#queued += part.bytes.length
  }

  takeDue(now: number): DatagramPayload | undefined {
    if (this.#startedAt === undefined || this.#startTime === undefined) return undefined
    if (now - this.#sendTimeOf(this.#slot) > MAX_STALL_MS) this.#slot = this.#slotAt(now)
    if (this.#sendTimeOf(this.#slot + this.#packets) > now) return undefined
    const time = ticks(this.#startTime + this.#pcrSpan(this.#slot) / 300)
    const bytes = new Uint8Array(this.#packets * TS_PACKET_BYTES)
    for (let i = 0; i < this.#packets; i++) {
      bytes.set(this.#packet(), i * TS_PACKET_BYTES)
      this.#slot++
    }
    return { bytes, time }
  }

  #sendTimeOf(slot: number): number {
    return this.#startedAt! + (slot * TS_PACKET_BYTES * 8_000) / this.#bitrate
  }

  #slotAt(now: number): number {
    return Math.floor(((now - this.#startedAt!) * this.#bitrate) / (TS_PACKET_BYTES * 8_000))
  }

  #pcrSpan(slots: number): number {
    return (slots * TS_PACKET_BYTES * 8 * PCR_HZ) / this.#bitrate
  }

  #packet(): Uint8Array {
    const base = this.#base
    if (base !== undefined && this.#pcrSpan(this.#slot - this.#lastPcrSlot) >= PCR_INTERVAL_TICKS) {
      this.#lastPcrSlot = this.#slot
      return pcrPacket({
        pid: this.#pcrPid,
        counter: this.#pcrCounter,
        pcr: base + this.#pcrSpan(this.#slot),
      })
    }
    const head = this.#queue[0]
    if (head === undefined || head.from > this.#sendTimeOf(this.#slot)) return nullPacket
    if (head.skipped) this.#base = undefined
    const packet = head.bytes.subarray(this.#headAt, this.#headAt + TS_PACKET_BYTES)
    this.#headAt += TS_PACKET_BYTES
    this.#queued -= TS_PACKET_BYTES
    if (this.#headAt >= head.bytes.length) {
      this.#queue.shift()
      this.#headAt = 0
    }
    return this.#restamped(packet)
  }

  #restamped(packet: Uint8Array): Uint8Array {
    if (hasPcr(packet)) {
      this.#pcrPid = pidOf(packet)
      this.#pcrCounter = packet[3]! & 0x0f
      return this.#withTruePcr(packet)
    }
    if (pidOf(packet) === this.#pcrPid) this.#pcrCounter = packet[3]! & 0x0f
    return packet
  }

  #withTruePcr(packet: Uint8Array): Uint8Array {
    const own = pcrOf(packet) - PCR_LEAD_TICKS
    const here = this.#pcrSpan(this.#slot)
    this.#lastPcrSlot = this.#slot
    const late =
      this.#base === undefined ? 0 : signedPcrDifference(this.#base + here - own - PCR_LEAD_TICKS)
    const unfit = late > MAX_LATE_PCR_TICKS - PCR_LEAD_TICKS || late < -MAX_EARLY_PCR_TICKS
    if (this.#base !== undefined && !unfit)
      return withPcr(packet, { pcr: this.#base + here, discontinuity: false })
    const first = this.#base === undefined
    if (!first) this.#overruns++
    this.#base = own - here
    return withPcr(packet, { pcr: own, discontinuity: !first })
  }
}

const PCR_MODULUS = 2 ** 33 * 300

/** Difference of two clock references, either of which may have wrapped. */
const signedPcrDifference = (difference: number): number => {
  const positive = ((difference % PCR_MODULUS) + PCR_MODULUS) % PCR_MODULUS
  return positive > PCR_MODULUS / 2 ? positive - PCR_MODULUS : positive
}
