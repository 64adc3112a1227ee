import { expect, test } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import { randomRtpStart, rtpFraming } from './rtp.ts'

test('an RTP header carries type 33, a sequence that wraps, and the 90 kHz time modulo 2^32', () => {
  const frame = rtpFraming({ ssrc: 0x01020304, sequence: 0xffff, timestamp: 10 })
  const payload = new Uint8Array(188).fill(7)
  const first = Buffer.from(frame(payload, ticks(2 ** 32 + 90.7)))
  const second = Buffer.from(frame(payload, ticks(180)))
  expect(first.toString('hex', 0, 12)).toBe('8021ffff0000006401020304')
  expect(second.toString('hex', 0, 12)).toBe('80210000000000be01020304')
  expect(first.subarray(12)).toEqual(Buffer.from(payload))
})

test.each([0x7fff, 0xfffe])('the sequence continues after %d', (sequence) => {
  const frame = rtpFraming({ ssrc: 1, sequence, timestamp: 0 })
  const sent = [frame(new Uint8Array(188), ticks(0)), frame(new Uint8Array(188), ticks(0))]
  expect(sent.map((datagram) => Buffer.from(datagram).readUInt16BE(2))).toEqual([
    sequence,
    sequence + 1,
  ])
})

test('a start is within the fields whatever the random number', () => {
  expect(randomRtpStart(() => 0.999_999_999_99)).toEqual({
    ssrc: 0xffff_ffff,
    sequence: 0xffff,
    timestamp: 0xffff_ffff,
  })
})
