import { describe, expect, test } from 'vitest'
import { RtpReceiver } from './rtp-receiver.ts'

const transportPacket = (mark: number): Uint8Array => {
  const packet = new Uint8Array(188).fill(mark)
  packet[0] = 0x47
  return packet
}

interface Shape {
  readonly sequence: number
  readonly type?: number
  readonly ssrc?: number
  readonly contributors?: number
  readonly extensionWords?: number
  readonly padding?: number
  readonly payload?: Uint8Array
}

const rtp = (shape: Shape): Uint8Array => {
  const payload = shape.payload ?? transportPacket(shape.sequence & 0xff)
  const words = shape.extensionWords
  const extension = words === undefined ? 0 : 4 + words * 4
  const contributors = shape.contributors ?? 0
  const head = 12 + contributors * 4
  const padding = shape.padding ?? 0
  const b = new Uint8Array(head + extension + payload.length + padding)
  b[0] = 0x80 | (padding > 0 ? 0x20 : 0) | (words === undefined ? 0 : 0x10) | contributors
  b[1] = shape.type ?? 33
  b[2] = shape.sequence >> 8
  b[3] = shape.sequence & 0xff
  b[11] = shape.ssrc ?? 1
  if (words !== undefined) b[head + 3] = words
  b.set(payload, head + extension)
  if (padding > 0) b[b.length - 1] = padding
  return b
}

const received = (datagrams: readonly Uint8Array[]) => {
  const out: Uint8Array[] = []
  const receiver = new RtpReceiver(50, (bytes) => out.push(Uint8Array.from(bytes)))
  for (const datagram of datagrams) receiver.push(datagram, 0)
  return { out, marks: out.map((b) => b[1]), ...receiver.figures(), rtp: receiver.carriesRtp }
}

describe('an RTP receiver', () => {
  test.each([
    ['plain', {}],
    ['with contributing sources', { contributors: 3 }],
    ['with a header extension', { extensionWords: 2 }],
    ['with an empty header extension', { extensionWords: 0 }],
    ['with padding', { padding: 8 }],
    ['with all of them', { contributors: 15, extensionWords: 5, padding: 255 }],
    ['with a dynamic payload type', { type: 96 }],
    ['with the marker bit', { type: 33 | 0x80 }],
  ])('takes the transport stream out of a packet %s', (_, shape) => {
    const { out, rtp: seen } = received([rtp({ sequence: 7, ...shape })])
    expect(out).toEqual([transportPacket(7)])
    expect(seen).toBe(true)
  })

  test('passes a bare transport stream through, without RTP figures', () => {
    const { out, rtp: seen } = received([transportPacket(1)])
    expect(out).toEqual([transportPacket(1)])
    expect(seen).toBe(false)
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')],
    ['an RTP header without payload', rtp({ sequence: 1, payload: new Uint8Array(0) })],
    [
      'an extension longer than the packet',
      rtp({ sequence: 1, extensionWords: 1 }).subarray(0, 16),
    ],
    ['padding longer than the packet', rtp({ sequence: 1, padding: 250 }).subarray(200)],
    ['H.264 in RTP', rtp({ sequence: 1, type: 96, payload: new Uint8Array(1_200).fill(0x65) })],
  ])('ignores and counts %s', (_, datagram) => {
    expect(received([datagram])).toMatchObject({ out: [], foreign: 1 })
  })

  test('takes a bare transport stream that is cut anywhere', () => {
    const stream = Buffer.concat(Array.from({ length: 40 }, (_, n) => transportPacket(n)))
    const cut = [3, 1_475, 2_947, 4_419, 5_891, stream.length]
    const datagrams = cut.slice(1).map((end, n) => stream.subarray(cut[n], end))
    expect(Buffer.concat(received(datagrams).out)).toEqual(stream.subarray(3))
  })

  test('stays with a bare stream when one of its datagrams looks like RTP', () => {
    const { out, rtp: seen } = received([
      transportPacket(1),
      rtp({ sequence: 1 }),
      transportPacket(2),
    ])
    expect(out).toHaveLength(3)
    expect(seen).toBe(false)
  })

  test('follows a sender that changes from bare to RTP and back', () => {
    const bare = Array.from({ length: 4 }, (_, n) => transportPacket(n))
    const wrapped = Array.from({ length: 4 }, (_, n) => rtp({ sequence: n }))
    expect(received([...bare, ...wrapped]).rtp).toBe(true)
    expect(received([...wrapped, ...bare]).rtp).toBe(false)
  })

  test('reports the payload type that it cannot receive', () => {
    const strange = rtp({ sequence: 1, type: 97, payload: new Uint8Array(100) })
    expect(received([strange]).foreignPayloadType).toBe(97)
  })

  test('follows a sender that restarted with another synchronisation source', () => {
    const { marks, restarts, lost } = received([
      rtp({ sequence: 100, ssrc: 1 }),
      rtp({ sequence: 5, ssrc: 2 }),
      rtp({ sequence: 6, ssrc: 2 }),
      rtp({ sequence: 7, ssrc: 2 }),
    ])
    expect(marks).toEqual([100, 6, 7])
    expect({ restarts, lost }).toEqual({ restarts: 1, lost: 0 })
  })

  test('keeps to its sender while another one interferes', () => {
    const { marks } = received([
      rtp({ sequence: 1, ssrc: 1 }),
      rtp({ sequence: 90, ssrc: 2 }),
      rtp({ sequence: 2, ssrc: 1 }),
      rtp({ sequence: 91, ssrc: 2 }),
      rtp({ sequence: 3, ssrc: 1 }),
    ])
    expect(marks).toEqual([1, 2, 3])
  })
})
