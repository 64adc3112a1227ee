import type { Clock, Timer } from '../../lib/clock.ts'
import { TsDemuxer, type DemuxOptions } from '../../mpegts/demuxer.ts'
import { SYNC_BYTE } from '../../mpegts/packet.ts'
import { openDatagramSocket, type DatagramSocket } from './datagram-socket.ts'
import type { DatagramAddress } from './datagram-url.ts'
import { RtpReceiver } from './rtp-receiver.ts'
import {
  reasonOf,
  type ReaderEnd,
  type ReaderFigures,
  type SourceSink,
  type SourceReader,
} from './source-reader.ts'

export interface UdpReaderParts {
  readonly address: DatagramAddress
  readonly demux: DemuxOptions
  readonly clock: Clock
  readonly warn: (message: string) => void
}

/** Datagrams without a transport stream are reported at this number, then at ten times as many, and so on. */
const FIRST_FOREIGN_WARNING = 10

/** Native listener for udp:// and rtp://, unicast and multicast. Silence does not end it: health judges that. */
export class UdpReader implements SourceReader {
  readonly kind: string
  readonly live = true
  readonly silencePolicy = 'normal'
  readonly #parts: UdpReaderParts
  #receiver: RtpReceiver | undefined
  #demuxer: TsDemuxer | undefined
  #kernelBuffer: number | undefined
  #expiry: Timer | undefined
  #foreignWarning = FIRST_FOREIGN_WARNING

  constructor(parts: UdpReaderParts) {
    this.#parts = parts
    this.kind = parts.address.scheme
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<ReaderEnd> {
    if (signal.aborted) return { kind: 'aborted' }
    let opened: DatagramSocket
    try {
      opened = await openDatagramSocket(this.#parts.address)
    } catch (error) {
      return { kind: 'failed', reason: reasonOf(error), permanent: false }
    }
    this.#setKernelBuffer(opened)
    const demuxer = new TsDemuxer(sink, this.#parts.demux)
    this.#demuxer = demuxer
    this.#receiver = new RtpReceiver(this.#parts.address.reorderMs, (bytes) => demuxer.push(bytes))
    try {
      return await this.#receive(opened, signal)
    } finally {
      this.#expiry?.cancel()
      this.#expiry = undefined
      await new Promise<void>((closed) => opened.socket.close(() => closed()))
    }
  }

  figures(): ReaderFigures {
    const counted = this.#demuxer?.counters
    const rtp = this.#receiver?.carriesRtp === true ? this.#receiver.figures() : undefined
    return {
      bytes: counted?.bytes ?? 0,
      packets: counted?.packets ?? 0,
      continuityErrors: counted?.continuityErrors ?? 0,
      lostPackets: rtp?.lost ?? null,
      ...(rtp === undefined ? {} : { duplicates: rtp.duplicates, reordered: rtp.reordered }),
      ...(this.#kernelBuffer === undefined ? {} : { kernelBuffer: this.#kernelBuffer }),
    }
  }

  #setKernelBuffer(opened: DatagramSocket): void {
    this.#kernelBuffer = opened.kernelBuffer
    const asked = this.#parts.address.bufferBytes
    if (opened.kernelBuffer >= asked) return
    this.#parts.warn(
      `receive buffer: asked for ${asked} bytes, the kernel gave ${opened.kernelBuffer}; ` +
        `raise it with: sysctl -w net.core.rmem_max=${asked}`,
    )
  }

  #receive({ socket }: DatagramSocket, signal: AbortSignal): Promise<ReaderEnd> {
    const receiver = this.#receiver!
    const { clock, address } = this.#parts
    return new Promise<ReaderEnd>((resolve) => {
      socket.on('message', (datagram, from) => {
        if (address.sender !== undefined && from.address !== address.sender) return
        receiver.push(datagram, clock.now())
        if (receiver.dueIn(0) !== undefined) this.#armExpiry(receiver)
        if (datagram[0] !== SYNC_BYTE) this.#warnOfForeign(receiver)
      })
      socket.once('error', (error) =>
        resolve({ kind: 'failed', reason: reasonOf(error), permanent: false }),
      )
      const aborted = (): void => resolve({ kind: 'aborted' })
      if (signal.aborted) aborted()
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  /** One timer at a time: it is set again while packets are held. */
  #armExpiry(receiver: RtpReceiver): void {
    if (this.#expiry !== undefined) return
    const due = receiver.dueIn(this.#parts.clock.now())
    if (due === undefined) return
    this.#expiry = this.#parts.clock.after(due, () => {
      this.#expiry = undefined
      receiver.expire(this.#parts.clock.now())
      this.#armExpiry(receiver)
    })
  }

  #warnOfForeign(receiver: RtpReceiver): void {
    if (receiver.foreign < this.#foreignWarning) return
    const { foreign, foreignPayloadType } = receiver.figures()
    this.#foreignWarning = foreign * 10
    this.#parts.warn(
      foreignPayloadType === undefined
        ? `${foreign} datagrams carried no MPEG transport stream and were ignored`
        : `${foreign} RTP packets were ignored, the last of payload type ${foreignPayloadType}: ` +
            'only MPEG transport streams are received natively; give FFmpeg an .sdp file for others',
    )
  }
}
