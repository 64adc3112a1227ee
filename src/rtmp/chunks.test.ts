import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { controlMessage, SET_CHUNK_SIZE, ABORT, type RtmpMessage } from './message.ts'

const LIMITS = { maxMessageBytes: 100_000, maxChunkStreams: 8, maxHeldBytes: 200_000 }

const read = (reader: ChunkReader, pieces: readonly Uint8Array[]) => {
  const messages: RtmpMessage[] = []
  let fault: string | undefined
  for (const piece of pieces) fault ??= reader.push(piece, (message) => void messages.push(message))
  return { messages, fault }
}

const message = (fields: Partial<RtmpMessage>): RtmpMessage => ({
  type: 9,
  stream: 1,
  time: 0,
  payload: new Uint8Array(10).fill(7),
  ...fields,
})

/** Cuts bytes as a network may deliver them. */
const cutAt = (bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const pieces: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

const anyMessage = fc.record({
  lane: fc.constantFrom(2, 3, 4, 63, 64, 319, 320, 65_599),
  type: fc.constantFrom(8, 9, 18, 20),
  stream: fc.constantFrom(0, 1, 0xffffffff),
  time: fc.oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.integer({ min: 0xfffff0, max: 0x1000010 }),
    fc.integer({ min: 0, max: 0xffffffff }),
  ),
  payload: fc.uint8Array({ maxLength: 700 }),
})

describe('the chunk stream', () => {
  test('reads back what it wrote, whatever the times, chunk sizes and pieces', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 20 }),
        fc.constantFrom(1, 128, 4_096),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
        (given, chunkBytes, sizes) => {
          const writer = new ChunkWriter()
          const parts = [writer.write(2, controlMessage(SET_CHUNK_SIZE, chunkBytes))]
          writer.chunkBytes = chunkBytes
          for (const { lane, ...rest } of given) parts.push(writer.write(lane, rest))
          const reader = new ChunkReader(LIMITS)
          const { messages, fault } = read(reader, cutAt(Buffer.concat(parts), sizes))
          expect(fault).toBeUndefined()
          expect(messages).toEqual(
            given.map(({ type, stream, time, payload }) => ({ type, stream, time, payload })),
          )
          expect(reader.heldBytes).toBe(0)
        },
      ),
    )
  })

  test.each([
    ['a full header first', [0], 12],
    ['7 bytes less of header for the next', [0, 40], 8],
    ['then 3 bytes of time only, when length and type are the same', [0, 40, 100], 4],
    ['then none, when the distance is the same too', [0, 40, 80], 1],
    ['a full header when time goes back', [100, 40], 12],
    ['the wrap of 32 bits is a small step', [0xfffffff0, 0x10], 4],
  ])('writes %s', (_, times, header) => {
    const writer = new ChunkWriter()
    let last = new Uint8Array(0) as Uint8Array
    times.forEach((time, at) => {
      const isOfOtherLength = header === 8 && at === 0
      last = writer.write(6, message({ time, payload: new Uint8Array(isOfOtherLength ? 9 : 10) }))
    })
    expect(last.length).toBe(header + 10)
  })

  test('puts a time above 24 bits into each chunk of its message, and not into the next message', () => {
    const writer = new ChunkWriter()
    const payload = new Uint8Array(300)
    const first = writer.write(6, message({ time: 0x1234567, payload }))
    expect(first.length).toBe(12 + 4 + 300 + 2 * (1 + 4))
    expect(Buffer.from(first.subarray(1, 4)).toString('hex')).toBe('ffffff')
    expect(Buffer.from(first.subarray(12, 16)).toString('hex')).toBe('01234567')
    expect(writer.write(6, message({ time: 0x1234567 + 40, payload })).length).toBe(4 + 300 + 2)
  })

  test('format 3 after a full time repeats that time as a difference, by the specification', () => {
    const head = [0x06, 0, 0, 20, 0, 0, 1, 9, 1, 0, 0, 0]
    const { messages } = read(new ChunkReader(), [Uint8Array.from([...head, 0xaa, 0xc6, 0xbb])])
    expect(messages.map(({ time }) => time)).toEqual([20, 40])
  })

  test('an aborted message is forgotten', () => {
    const writer = new ChunkWriter()
    const half = writer.write(6, message({ payload: new Uint8Array(200) })).subarray(0, 12 + 128)
    const abort = writer.write(2, controlMessage(ABORT, 6))
    const next = new ChunkWriter().write(6, message({ time: 5 }))
    const reader = new ChunkReader()
    expect(read(reader, [half, abort, next]).messages).toEqual([message({ time: 5 })])
    expect(reader.heldBytes).toBe(0)
  })
})

describe('the reader of a hostile peer', () => {
  test('survives any bytes, and holds no more than its limits', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4_000 }), { maxLength: 12 }), (pieces) => {
        const reader = new ChunkReader(LIMITS)
        read(reader, pieces)
        expect(reader.heldBytes).toBeLessThanOrEqual(LIMITS.maxHeldBytes + 4_000)
      }),
      { numRuns: 300 },
    )
  })

  const header = (lane: number, length: number): Uint8Array =>
    Uint8Array.from([lane, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255, 9, 1, 0, 0, 0])

  test.each([
    ['a message above the limit', [header(6, 100_001)], /100001 bytes/],
    ['a chunk stream without a beginning', [Uint8Array.of(0xc6, 1)], /without a full header/],
    [
      'a message within a message',
      [header(6, 200), new Uint8Array(128), header(6, 5)],
      /within another/,
    ],
    [
      'a chunk size of 0',
      [new ChunkWriter().write(2, controlMessage(SET_CHUNK_SIZE, 0))],
      /size of 0/,
    ],
    [
      'too many chunk streams',
      [3, 4, 5, 6, 7, 8, 9, 10, 11].flatMap((lane) => [header(lane, 1), Uint8Array.of(1)]),
      /8 chunk streams/,
    ],
    [
      'unfinished messages above their total limit',
      [
        new ChunkWriter().write(2, controlMessage(SET_CHUNK_SIZE, 90_000)),
        ...[3, 4, 5].flatMap((lane) => [header(lane, 99_999), new Uint8Array(90_000)]),
      ],
      /200000 bytes of unfinished/,
    ],
  ])('refuses %s', (_, pieces, why) => {
    const reader = new ChunkReader(LIMITS)
    expect(read(reader, pieces).fault).toMatch(why)
    expect(read(reader, [header(6, 1), Uint8Array.of(1)]).messages).toEqual([])
  })

  test('does not allocate by an announced length', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 200 }, () => new ChunkReader())
    for (const reader of readers) read(reader, [header(6, 8_000_000), new Uint8Array(100)])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
  })
})
