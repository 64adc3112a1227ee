import { PACKET_SIZE, SYNC_BYTE } from '../../mpegts/packet.ts'
import { ReorderWindow, type ReorderFigures } from './reorder-window.ts'
import { isRtp, PAYLOAD_MP2T, payloadTypeOf, rtpPayload, sequenceOf, ssrcOf } from './rtp-packet.ts'

export interface RtpReceiverFigures extends ReorderFigures {
  /** RTP without a transport stream, and datagrams that are neither RTP nor a transport stream. */
  readonly foreign: number
  readonly foreignPayloadType?: number
}

/** RFC 3551 6: 96 to 127 are assigned by agreement. */
const FIRST_DYNAMIC_TYPE = 96
/** This many datagrams of the other kind in a row change the kind of the stream. */
const MIN_CONTRARY_DATAGRAMS = 3

/**
 * Takes datagrams of RTP or of a bare transport stream, returns the transport stream in order. The kind of the stream
 * follows from its first datagrams and then stays: a bare one may be cut anywhere (FFmpeg fills 1472 bytes), so that the
 * middle of a packet sometimes looks like RTP.
 */
export class RtpReceiver {
  readonly #deliver: (transportStream: Uint8Array) => void
  readonly #window: ReorderWindow<Uint8Array>
  #ssrc: number | undefined
  #otherSsrc: number | undefined
  #foreign = 0
  #foreignPayloadType: number | undefined
  #kind: 'unknown' | 'bare' | 'rtp' = 'unknown'
  #contrary = 0

  constructor(waitMs: number, deliver: (transportStream: Uint8Array) => void) {
    this.#deliver = deliver
    this.#window = new ReorderWindow(waitMs, deliver)
  }

  /** Loss is measured by sequence numbers only then. */
  get carriesRtp(): boolean {
    return this.#kind === 'rtp'
  }

  get foreign(): number {
    return this.#foreign
  }

  /** Keeps the datagram while it waits for those before it: the caller must not reuse its memory. */
  push(datagram: Uint8Array, now: number): void {
    const payload = isRtp(datagram) ? transportPayload(datagram) : undefined
    const taken = this.#updateKind(
      payload !== undefined ? 'rtp' : bareOrOther(datagram, this.#kind),
    )
    if (taken === 'bare') this.#deliver(datagram)
    else if (taken === 'unknown' || payload === undefined) this.#countForeign(datagram)
    else if (this.#follows(ssrcOf(datagram))) {
      this.#window.push(sequenceOf(datagram), payload, now)
    }
  }

  #updateKind(seen: 'bare' | 'rtp' | 'other'): 'unknown' | 'bare' | 'rtp' {
    if (seen === 'other' || seen === this.#kind) this.#contrary = 0
    else if (this.#kind === 'unknown' || ++this.#contrary >= MIN_CONTRARY_DATAGRAMS) {
      this.#kind = seen
      this.#contrary = 0
    }
    return this.#kind
  }

  expire(now: number): void {
    this.#window.expire(now)
  }

  dueIn(now: number): number | undefined {
    return this.#window.dueIn(now)
  }

  figures(): RtpReceiverFigures {
    return {
      ...this.#window.figures(),
      foreign: this.#foreign,
      ...(this.#foreignPayloadType === undefined
        ? {}
        : { foreignPayloadType: this.#foreignPayloadType }),
    }
  }

  /** One synchronisation source at a time; another takes over when two of its packets come in a row (a restarted sender). */
  #follows(ssrc: number): boolean {
    if (this.#ssrc === undefined || ssrc === this.#otherSsrc) {
      if (this.#ssrc !== undefined) this.#window.restart()
      this.#ssrc = ssrc
      this.#otherSsrc = undefined
      return true
    }
    if (ssrc === this.#ssrc) {
      this.#otherSsrc = undefined
      return true
    }
    this.#otherSsrc = ssrc
    this.#foreign++
    return false
  }

  #countForeign(datagram: Uint8Array): void {
    this.#foreign++
    if (isRtp(datagram)) this.#foreignPayloadType = payloadTypeOf(datagram)
  }
}

/** Type 33 by RFC 3551, or a dynamic type; the payload must look like whole transport packets (RFC 2250). */
const transportPayload = (datagram: Uint8Array): Uint8Array | undefined => {
  const type = payloadTypeOf(datagram)
  if (type !== PAYLOAD_MP2T && type < FIRST_DYNAMIC_TYPE) return undefined
  const payload = rtpPayload(datagram)
  return payload !== undefined && isWholePackets(payload) ? payload : undefined
}

const isWholePackets = (b: Uint8Array): boolean => {
  if (b.length < PACKET_SIZE || b.length % PACKET_SIZE !== 0) return false
  for (let at = 0; at < b.length; at += PACKET_SIZE) if (b[at] !== SYNC_BYTE) return false
  return true
}

/** A bare stream may have any bytes in a datagram: the demuxer finds the packets. */
const bareOrOther = (b: Uint8Array, kind: 'unknown' | 'bare' | 'rtp'): 'bare' | 'other' => {
  if (kind === 'bare' || isWholePackets(b)) return 'bare'
  return kind === 'unknown' && hasSyncRun(b) ? 'bare' : 'other'
}

/** True for sync bytes one packet apart up to the end, from any offset; at least two. */
const hasSyncRun = (b: Uint8Array): boolean => {
  for (let from = 0; from < PACKET_SIZE && from + PACKET_SIZE < b.length; from++) {
    let at = from
    while (at < b.length && b[at] === SYNC_BYTE) at += PACKET_SIZE
    if (at >= b.length) return true
  }
  return false
}
