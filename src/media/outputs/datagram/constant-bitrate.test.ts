import { describe, expect, test } from 'vitest'
import { continuityErrors, pidAt, plainPacket } from '../../../../test/helpers/program-chunks.ts'
import { ticksOfMs } from '../../../contract/time.ts'
import { ConstantBitrate } from './constant-bitrate.ts'
import { hasPcr, pcrOf, pcrPacket } from './ts-fill.ts'

const BITRATE = 3_008_000
const PCR_HZ = 27_000_000
const VIDEO = 256
const FIRST_PCR = 100_000_000

/** Pictures each 40 ms; a clock reference before each. */
const play = (sizes: readonly number[], startPcr = FIRST_PCR) => {
  const shaper = new ConstantBitrate({ packets: 7, bitrate: BITRATE })
  const sent: Uint8Array[] = []
  const times: number[] = []
  let counter = 15
  let next = 0
  for (let now = 0; now < sizes.length * 40; now += 5) {
    for (; next * 40 <= now && next < sizes.length && shaper.hasRoom(); next++) {
      const pcr = pcrPacket({ pid: VIDEO, counter, pcr: startPcr + next * 0.04 * PCR_HZ })
      const units = Array.from({ length: sizes[next]! }, () => {
        counter = (counter + 1) & 0x0f
        return plainPacket({ pid: VIDEO, counter })
      })
      shaper.addPart(
        {
          bytes: Buffer.concat([pcr, ...units]),
          time: ticksOfMs(next * 40),
          skipped: false,
          randomAccess: -1,
        },
        now,
      )
    }
    for (let due = shaper.takeDue(now); due !== undefined; due = shaper.takeDue(now)) {
      sent.push(due.bytes)
      times.push(due.time)
    }
  }
  return { bytes: Buffer.concat(sent), times, shaper }
}

const clockReferences = (bytes: Buffer) => {
  const found: { readonly at: number; readonly pcr: number }[] = []
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188)
    if (pidAt(packet, 0) === VIDEO && hasPcr(packet)) found.push({ at, pcr: pcrOf(packet) })
  }
  return found
}

describe('a constant bitrate', () => {
  const sizes = Array.from({ length: 100 }, (_, index) => (index % 25 === 0 ? 180 : 50))

  test('is exact to a datagram, whatever the program does', () => {
    const { bytes } = play(sizes)
    const expected = (BITRATE / 8) * (100 * 0.04)
    expect(Math.abs(bytes.length - expected)).toBeLessThan(3 * 7 * 188)
  })

  test('carries the program unbroken, in order, with null packets between', () => {
    const { bytes, shaper } = play(sizes)
    expect(continuityErrors(bytes)).toEqual([])
    let [nulls, units] = [0, 0]
    for (let at = 0; at < bytes.length; at += 188) {
      if (pidAt(bytes, at) === 0x1fff) nulls++
      else if ((bytes[at + 3]! & 0x10) !== 0) units++
    }
    expect(units).toBe(sizes.reduce((sum, size) => sum + size, 0))
    expect(nulls).toBeGreaterThan(1_000)
    expect(shaper.overruns).toBe(0)
  })

  test('has clock references at their true position, to 500 ns, at least every 40 ms', () => {
    const references = clockReferences(play(sizes).bytes)
    for (const [index, { at, pcr }] of references.slice(1).entries()) {
      const before = references[index]!
      const span = ((at - before.at) * 8 * PCR_HZ) / BITRATE
      expect(Math.abs(pcr - before.pcr - span)).toBeLessThanOrEqual(0.000_000_5 * PCR_HZ)
      expect(span).toBeLessThanOrEqual(0.04 * PCR_HZ)
    }
    expect(references.length).toBeGreaterThan(100)
  })

  test('runs through the wrap of the clock reference', () => {
    const modulus = 2 ** 33 * 300
    const references = clockReferences(play(sizes, modulus - PCR_HZ).bytes)
    const steps = references
      .slice(1)
      .map(({ pcr }, index) => (pcr - references[index]!.pcr + modulus) % modulus)
    expect(Math.max(...steps)).toBeLessThanOrEqual(0.04 * PCR_HZ)
  })

  test('counts a program that exceeds it, and stays at its rate', () => {
    const { bytes, shaper } = play(Array.from({ length: 100 }, () => 120))
    expect(shaper.overruns).toBeGreaterThan(0)
    expect(bytes.length).toBeLessThanOrEqual((BITRATE / 8) * 4)
  })

  test('gives each datagram the time of its position', () => {
    const { times } = play(sizes)
    const step = (7 * 188 * 8 * 90_000) / BITRATE
    expect(times[100]! - times[0]!).toBeCloseTo(100 * step, 3)
  })
})

describe('the program, which others read too', () => {
  test('is not written to when clock references restart', () => {
    const shaper = new ConstantBitrate({ packets: 1, bitrate: BITRATE })
    // The ring hands out views of Buffers, whose slice() does not copy.
    const shared = Buffer.from(
      [0, 1].flatMap((i) => [...pcrPacket({ pid: VIDEO, counter: 0, pcr: FIRST_PCR + i * 999 })]),
    )
    const before = Buffer.from(shared)
    shaper.addPart({ bytes: shared, time: ticksOfMs(0), skipped: false, randomAccess: -1 }, 0)
    const sent: Uint8Array[] = []
    for (let now = 0; now < 100; now++) {
      const shaped = shaper.takeDue(now)
      if (shaped !== undefined) sent.push(shaped.bytes)
    }
    expect(sent.filter((packet) => hasPcr(packet)).length).toBeGreaterThan(1)
    expect(shared.equals(before)).toBe(true)
  })
})
