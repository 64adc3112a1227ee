/** Sequence numbers are 16 bits, RFC 3550 5.1. */
const SEQUENCES = 0x1_0000
const HALF = 0x8000
/** Limit of packets held; a power of two. At 5 Mbit/s this is half a second, at 50 Mbit/s 50 ms. */
const SLOTS = 256
/** A late packet further back than this is a restarted sender rather than a straggler (RFC 3550 A.1, MAX_MISORDER). */
const MAX_MISORDER = 100
/** A jump ahead by more than this is a restarted sender rather than a loss (RFC 3550 A.1, MAX_DROPOUT). */
const MAX_DROPOUT = 3_000

export interface ReorderFigures {
  readonly received: number
  readonly lost: number
  readonly duplicates: number
  /** Packets that arrived after later ones and were put in order. */
  readonly reordered: number
  /** Packets that arrived after their wait; part of `lost`. */
  readonly late: number
  readonly restarts: number
}

/** Puts packets in the order of their 16-bit sequence numbers. Bounded in count (256) and time (`waitMs`). Pure: time is an argument. */
export class ReorderWindow<Packet> {
  readonly #waitMs: number
  readonly #deliver: (packet: Packet) => void
  readonly #slots: (Packet | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
  readonly #arrivals = new Float64Array(SLOTS)
  /** 1 where the last packet of this slot was counted as lost, to distinguish a late one from a second copy. */
  readonly #missing = new Uint8Array(SLOTS)
  #next = -1
  #held = 0
  /** After a jump: the sequence number expected of a restarted sender; the second packet in order there proves it. */
  #suspect = -1
  #received = 0
  #lost = 0
  #duplicates = 0
  #reordered = 0
  #late = 0
  #restarts = 0

  constructor(waitMs: number, deliver: (packet: Packet) => void) {
    this.#waitMs = waitMs
    this.#deliver = deliver
  }

  push(sequence: number, packet: Packet, now: number): void {
    this.#received++
    if (this.#next < 0) this.#next = sequence
    const ahead = (sequence - this.#next) & (SEQUENCES - 1)
    if (ahead === 0) this.#acceptNext(packet)
    else if (ahead < SLOTS) this.#hold(ahead, packet, now)
    else if (ahead < HALF && ahead < MAX_DROPOUT) this.#skipTo(sequence, packet)
    else if (ahead >= SEQUENCES - MAX_MISORDER) this.#onLatePacket(sequence)
    else this.#jump(sequence, packet)
    if (this.#held > 0) this.expire(now)
  }

  /** Counts packets as lost whose wait is over. */
  expire(now: number): void {
    while (this.#held > 0) {
      let ahead = 0
      while (this.#slots[(this.#next + ahead) & (SLOTS - 1)] === undefined) ahead++
      const slot = (this.#next + ahead) & (SLOTS - 1)
      if (ahead > 0 && now - this.#arrivals[slot]! < this.#waitMs) return
      this.#giveUp(ahead)
      this.#deliverHeld()
    }
  }

  /** Milliseconds until `expire` may have something to do; undefined when nothing is held. */
  dueIn(now: number): number | undefined {
    if (this.#held === 0) return undefined
    let ahead = 0
    while (this.#slots[(this.#next + ahead) & (SLOTS - 1)] === undefined) ahead++
    return Math.max(0, this.#arrivals[(this.#next + ahead) & (SLOTS - 1)]! + this.#waitMs - now)
  }

  /** Another sender: delivers the held packets; the next packet starts a new sequence. */
  restart(): void {
    this.#flush()
    this.#missing.fill(0)
    this.#restarts++
    this.#suspect = -1
    this.#next = -1
  }

  figures(): ReorderFigures {
    return {
      received: this.#received,
      lost: this.#lost,
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      late: this.#late,
      restarts: this.#restarts,
    }
  }

  #acceptNext(packet: Packet): void {
    this.#suspect = -1
    if (this.#held > 0) this.#reordered++
    this.#deliverNext(packet)
    this.#deliverHeld()
  }

  #deliverNext(packet: Packet): void {
    this.#missing[this.#next & (SLOTS - 1)] = 0
    this.#next = (this.#next + 1) & (SEQUENCES - 1)
    this.#deliver(packet)
  }

  #giveUp(count: number): void {
    this.#lost += count
    for (let i = 0; i < Math.min(count, SLOTS); i++)
      this.#missing[(this.#next + i) & (SLOTS - 1)] = 1
    this.#next = (this.#next + count) & (SEQUENCES - 1)
  }

  /** Delivers packets that are in order. */
  #deliverHeld(): void {
    while (this.#held > 0) {
      const slot = this.#next & (SLOTS - 1)
      const packet = this.#slots[slot]
      if (packet === undefined) return
      this.#slots[slot] = undefined
      this.#held--
      this.#deliverNext(packet)
    }
  }

  #hold(ahead: number, packet: Packet, now: number): void {
    const slot = (this.#next + ahead) & (SLOTS - 1)
    if (this.#slots[slot] !== undefined) {
      this.#duplicates++
      return
    }
    this.#slots[slot] = packet
    this.#arrivals[slot] = now
    this.#held++
  }

  /** Too far ahead to be held: everything missing before it is lost. */
  #skipTo(sequence: number, packet: Packet): void {
    this.#flush()
    this.#giveUp((sequence - this.#next) & (SEQUENCES - 1))
    this.#acceptNext(packet)
  }

  /** Counts every missing packet as lost and delivers the held ones. */
  #flush(): void {
    this.expire(Number.POSITIVE_INFINITY)
  }

  /** Behind the window: late, or a second copy. */
  #onLatePacket(sequence: number): void {
    const slot = sequence & (SLOTS - 1)
    if (this.#missing[slot] === 1) this.#late++
    else this.#duplicates++
    this.#missing[slot] = 0
  }

  #jump(sequence: number, packet: Packet): void {
    if (sequence !== this.#suspect) {
      this.#suspect = (sequence + 1) & (SEQUENCES - 1)
      return
    }
    this.restart()
    this.#next = sequence
    this.#acceptNext(packet)
  }
}
