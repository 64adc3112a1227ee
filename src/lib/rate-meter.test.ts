import { expect, test } from 'vitest'
import { RateMeter } from './rate-meter.ts'

/** 1,000 bytes every 10 ms, 800 kbit/s, until `to`. */
const fed = (to: number): RateMeter => {
  const meter = new RateMeter(0)
  for (let now = 10; now <= to; now += 10) meter.addBytes(1_000, now)
  return meter
}

test.each([500, 1_000, 1_990, 10_000])('a steady stream has its bitrate after %d ms', (ms) => {
  expect(fed(ms).bitrate(ms)).toBeCloseTo(800_000, -5)
  expect(fed(ms).total).toBe(ms * 100)
})

test('a change is seen within two seconds', () => {
  const meter = fed(5_000)
  for (let now = 5_010; now <= 7_000; now += 10) meter.addBytes(2_000, now)
  expect(meter.bitrate(7_000)).toBeCloseTo(1_600_000, -5)
})

test.each([2_100, 60_000])('a stream that ended %d ms ago has none, read or not', (ms) => {
  expect(fed(5_000).bitrate(5_000 + ms)).toBe(0)
  const watched = fed(5_000)
  for (let now = 5_100; now <= 5_000 + ms; now += 100) watched.bitrate(now)
  expect(watched.bitrate(5_000 + ms)).toBe(0)
})

test('the first bytes after a long silence count for themselves', () => {
  const meter = fed(5_000)
  meter.addBytes(1_000, 60_000)
  expect(meter.bitrate(60_500)).toBeLessThan(10_000)
})
