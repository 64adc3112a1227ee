import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OggPackets, OpusPager } from './ogg.ts'

const packetsOf = (bytes: Uint8Array, chunk: number): Uint8Array[] => {
  const reader = new OggPackets()
  const packets: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunk) {
    reader.push(bytes.subarray(at, at + chunk), (packet) => packets.push(Uint8Array.from(packet)))
  }
  return packets
}

it('reads back the packets it wrote, whatever the chunks', () => {
  const packet = fc.uint8Array({ minLength: 1, maxLength: 1_275 })
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 5, maxLength: 25 }),
      fc.integer({ min: 1, max: 4_000 }),
      (packets, chunk) => {
        const pager = new OpusPager(7)
        const head = pager.head(Uint8Array.of(1, 2, 3), 'vendor')
        const pages = packets.flatMap((each) => pager.push(each)?.bytes ?? [])
        const read = packetsOf(Buffer.concat([head, ...pages]), chunk)
        const whole = packets.slice(0, packets.length - (packets.length % 5))
        expect(read.slice(2)).toEqual(whole)
        expect(read[0]).toEqual(Uint8Array.of(1, 2, 3))
        const tags = Buffer.from(read[1]!).toString('latin1')
        expect(tags).toBe(['OpusTags', '\x06\0\0\0', 'vendor', '\0\0\0\0'].join(''))
      },
    ),
    { numRuns: 30 },
  )
})

it('writes pages with the checksum of RFC 3533', () => {
  // The first page of an Ogg Opus file by FFmpeg: OpusHead, stereo, pre-skip 312, 48 kHz.
  const identification = Buffer.from(
    '4f70757348656164010238018 0bb0000000000'.replace(' ', ''),
    'hex',
  )
  const head = new OpusPager(0).head(identification, '')
  expect(head.subarray(0, 6)).toEqual(Uint8Array.from(Buffer.from('OggS\0\x02', 'latin1')))
  const view = new DataView(head.buffer, head.byteOffset)
  const stored = view.getUint32(22, true)
  const page = head.slice(0, 28 + identification.length)
  page.fill(0, 22, 26)
  expect(stored).toBe(bitwiseChecksum(page))
})

it('counts samples and pages on and on', () => {
  const pager = new OpusPager(0xffff_fff0)
  pager.head(Uint8Array.of(1), 'v')
  const pages = Array.from({ length: 10 }, () => pager.push(Uint8Array.of(9))).flatMap((page) =>
    page === undefined ? [] : [new DataView(page.bytes.buffer)],
  )
  expect(pages.map((view) => view.getBigUint64(6, true))).toEqual([4_800n, 9_600n])
  expect(pages.map((view) => view.getUint32(18, true))).toEqual([2, 3])
  expect(pages.map((view) => view.getUint32(14, true))).toEqual([0xffff_fff0, 0xffff_fff0])
})

it('skips bytes that are not a page', () => {
  const pager = new OpusPager(1)
  const head = pager.head(Uint8Array.of(1), 'v')
  expect(packetsOf(Buffer.concat([Buffer.from('Og garbage OggX'), head]), 3)).toHaveLength(2)
})

/** Bit by bit, as the polynomial is written. */
const bitwiseChecksum = (bytes: Uint8Array): number => {
  let crc = 0n
  for (const byte of bytes) {
    crc ^= BigInt(byte) << 24n
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000_0000n) === 0n ? crc << 1n : (crc << 1n) ^ 0x1_04c1_1db7n
    }
  }
  return Number(crc & 0xffff_ffffn)
}
