import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { realClock } from '../../src/lib/clock.ts'
import { parseDatagramUrl } from '../../src/media/sources/datagram-url.ts'
import type { ReaderEnd } from '../../src/media/sources/source-reader.ts'
import { UdpReader } from '../../src/media/sources/udp-reader.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'
import { CollectingSink } from '../helpers/collecting-sink.ts'
import { encodeTs } from '../helpers/stream-builder.ts'

const PER_DATAGRAM = 7 * 188

const freePort = async (): Promise<number> => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((closed) => socket.close(() => closed()))
  return port
}

let stream: Buffer
let wholeUnits: number
beforeAll(async () => {
  stream = await encodeTs({ seconds: 2 })
  const feed = new CollectingSink()
  const demuxer = new TsDemuxer(feed)
  demuxer.push(stream)
  demuxer.flush()
  wholeUnits = feed.units.length
})

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

interface Listening {
  readonly feed: CollectingSink
  readonly reader: UdpReader
  readonly warnings: string[]
  readonly stop: () => Promise<ReaderEnd>
}

const listen = async (url: string, iface?: string): Promise<Listening> => {
  const feed = new CollectingSink()
  const warnings: string[] = []
  const reader = new UdpReader({
    address: parseDatagramUrl(url, iface),
    demux: {},
    clock: realClock,
    warn: (message) => warnings.push(message),
  })
  const abort = new AbortController()
  const run = reader.run(feed, abort.signal)
  const stop = async (): Promise<ReaderEnd> => {
    abort.abort()
    return run
  }
  ends.push(async () => void (await stop()))
  for (let n = 0; n < 100 && reader.figures().kernelBuffer === undefined; n++) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { feed, reader, warnings, stop }
}

const sender = async (): Promise<Socket> => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  ends.push(() => new Promise((closed) => socket.close(() => closed())))
  return socket
}

interface Target {
  readonly port: number
  readonly host?: string
}

/** Sends in small groups, each handed to the kernel before the next: loopback loses nothing then. */
const send = async (
  socket: Socket,
  datagrams: readonly Uint8Array[],
  to: Target,
): Promise<void> => {
  for (const datagram of datagrams) {
    await new Promise<void>((sent, failed) =>
      socket.send(datagram, to.port, to.host ?? '127.0.0.1', (error) =>
        error === null ? sent() : failed(error),
      ),
    )
  }
}

const chunks = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  )

const rtpOf = (payloads: readonly Uint8Array[], first: number): Uint8Array[] =>
  payloads.map((payload, n) => {
    const packet = new Uint8Array(12 + payload.length)
    const sequence = (first + n) & 0xffff
    packet.set([0x80, 33, sequence >> 8, sequence & 0xff, 0, 0, 0, 0, 1, 2, 3, 4])
    packet.set(payload, 12)
    return packet
  })

describe('a native UDP source', () => {
  test.each([
    ['whole packets', PER_DATAGRAM],
    ['cut anywhere, as FFmpeg does by default', 1_472],
  ])('receives a transport stream in datagrams of %s', async (_, size) => {
    const port = await freePort()
    const { feed, reader } = await listen(`udp://127.0.0.1:${port}`)
    await send(await sender(), chunks(stream, size), { port })
    await feed.until(() => feed.units.length >= wholeUnits - 2)
    expect(reader.figures()).toMatchObject({ continuityErrors: 0, lostPackets: null })
    expect(feed.programs[0]!.tracks.map(({ codec }) => codec)).toEqual(['h264', 'aac'])
  })

  test('counts continuity errors where datagrams are missing, and goes on', async () => {
    const port = await freePort()
    const { feed, reader } = await listen(`udp://:${port}`)
    const datagrams = chunks(stream, PER_DATAGRAM).filter((_, n) => n % 50 !== 30)
    await send(await sender(), datagrams, { port })
    await feed.until(() => reader.figures().bytes >= datagrams.length * PER_DATAGRAM - 2_000)
    expect(reader.figures().continuityErrors).toBeGreaterThan(0)
    expect(feed.unitsOf('video').length).toBeGreaterThan(20)
  })

  test('receives multicast on the loopback interface, and only its own group', async () => {
    const port = await freePort()
    const { feed } = await listen(`udp://@239.255.77.1:${port}?iface=127.0.0.1`)
    const other = await listen(`udp://@239.255.77.2:${port}`, '127.0.0.1')
    const socket = await sender()
    socket.setMulticastInterface('127.0.0.1')
    socket.setMulticastLoopback(true)
    await send(socket, chunks(stream, PER_DATAGRAM), { port, host: '239.255.77.1' })
    await feed.until(() => feed.units.length >= wholeUnits - 2)
    expect(other.feed.units).toHaveLength(0)
  })

  test('receives source-specific multicast from the sender that was named', async () => {
    const port = await freePort()
    const right = await listen(`udp://127.0.0.1@232.5.5.5:${port}?iface=127.0.0.1`)
    const wrong = await listen(`udp://127.0.0.9@232.5.5.5:${port}?iface=127.0.0.1`)
    const socket = await sender()
    socket.setMulticastInterface('127.0.0.1')
    await send(socket, chunks(stream, PER_DATAGRAM), { port, host: '232.5.5.5' })
    await right.feed.until(() => right.feed.units.length >= wholeUnits - 2)
    expect(wrong.feed.units).toHaveLength(0)
  })

  test('asks for a large receive buffer and tells when the kernel gives less', async () => {
    const asked = 1024 ** 3
    const { reader, warnings } = await listen(`udp://:${await freePort()}?buffer_size=${asked}`)
    const { kernelBuffer } = reader.figures()
    expect(kernelBuffer).toBeGreaterThanOrEqual(200_000)
    expect(warnings).toEqual([expect.stringContaining(`the kernel gave ${kernelBuffer}`)])
    expect(warnings[0]).toContain('net.core.rmem_max')
  })

  test('a port in use is told as such, and may become free', async () => {
    const port = await freePort()
    await listen(`udp://127.0.0.1:${port}`)
    const second = await listen(`udp://127.0.0.1:${port}`)
    expect(await second.stop()).toEqual({
      kind: 'failed',
      reason: expect.stringContaining(`port ${port} is in use`),
      permanent: false,
    })
  })

  test('gives its port back when it is stopped', async () => {
    const port = await freePort()
    const first = await listen(`udp://127.0.0.1:${port}`)
    expect(await first.stop()).toEqual({ kind: 'aborted' })
    const second = await listen(`udp://127.0.0.1:${port}`)
    expect(await second.stop()).toEqual({ kind: 'aborted' })
  })
})

describe('a native RTP source', () => {
  test('puts packets in order, across the wrap, and hands the same frames out', async () => {
    const port = await freePort()
    const { feed, reader } = await listen(`rtp://127.0.0.1:${port}`)
    const packets = rtpOf(chunks(stream, PER_DATAGRAM), 65_500)
    // Every fifth changes places with the one after the next.
    for (let n = 5; n + 2 < packets.length; n += 5) {
      ;[packets[n], packets[n + 2]] = [packets[n + 2]!, packets[n]!]
    }
    await send(await sender(), packets, { port })
    await feed.until(() => feed.units.length >= wholeUnits - 2)
    expect(reader.figures()).toMatchObject({ continuityErrors: 0, lostPackets: 0, duplicates: 0 })
    expect(reader.figures().reordered).toBeGreaterThan(10)
  })

  test('counts each packet that is missing, after a bounded wait', async () => {
    const port = await freePort()
    const { feed, reader } = await listen(`rtp://127.0.0.1:${port}?reorder=20`)
    const packets = rtpOf(chunks(stream, PER_DATAGRAM), 10)
    const kept = packets.filter((_, n) => n % 40 !== 20)
    await send(await sender(), kept, { port })
    const missing = packets.length - kept.length
    await feed.until(() => reader.figures().lostPackets === missing)
    expect(feed.unitsOf('video').length).toBeGreaterThan(20)
  })

  test('takes second copies away', async () => {
    const port = await freePort()
    const { feed, reader } = await listen(`rtp://127.0.0.1:${port}`)
    const packets = rtpOf(chunks(stream, PER_DATAGRAM), 10).flatMap((packet) => [packet, packet])
    await send(await sender(), packets, { port })
    await feed.until(() => feed.units.length >= wholeUnits - 2)
    expect(reader.figures()).toMatchObject({ lostPackets: 0, continuityErrors: 0 })
    expect(reader.figures().duplicates).toBeGreaterThan(packets.length / 2 - 5)
  })

  test('recognises RTP on a udp url and a bare stream on an rtp url', async () => {
    const [udpPort, rtpPort] = [await freePort(), await freePort()]
    const asUdp = await listen(`udp://127.0.0.1:${udpPort}`)
    const asRtp = await listen(`rtp://127.0.0.1:${rtpPort}`)
    const socket = await sender()
    await send(socket, rtpOf(chunks(stream, PER_DATAGRAM), 0), { port: udpPort })
    await send(socket, chunks(stream, PER_DATAGRAM), { port: rtpPort })
    await asUdp.feed.until(() => asUdp.feed.units.length >= wholeUnits - 2)
    await asRtp.feed.until(() => asRtp.feed.units.length >= wholeUnits - 2)
    expect(asUdp.reader.figures().lostPackets).toBe(0)
    expect(asRtp.reader.figures().lostPackets).toBeNull()
  })
})
