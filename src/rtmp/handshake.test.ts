import { describe, expect, test } from 'vitest'
import { ClientHandshake, clientHello, echoOf } from './handshake.ts'

const PART = 1536
const serverPart = (fill: number): Uint8Array => new Uint8Array(PART).fill(fill)

describe('the handshake', () => {
  test('begins with version 3, the time, four zeros and noise', () => {
    const hello = clientHello(0x01020304, () => 0.5)
    expect(hello.length).toBe(1 + PART)
    expect([...hello.subarray(0, 10)]).toEqual([3, 1, 2, 3, 4, 0, 0, 0, 0, 128])
  })

  test.each([1, 7, 1536, 4_000])('accepts the bytes of the server in pieces of %i', (size) => {
    const sent = Buffer.concat([Uint8Array.of(3), serverPart(5), serverPart(9), Uint8Array.of(42)])
    const handshake = new ClientHandshake()
    const steps: string[] = []
    let rest: Uint8Array | undefined
    const take = (bytes: Uint8Array): void => {
      const step = handshake.receive(bytes, 77)
      if (step.kind !== 'more') steps.push(step.kind)
      if (step.kind === 'reply') {
        expect(step.reply).toEqual(echoOf(serverPart(5), 77))
        take(new Uint8Array(0))
      }
      if (step.kind === 'done') rest = step.rest
    }
    for (let at = 0; at < sent.length && rest === undefined; at += size) {
      take(sent.subarray(at, at + size))
    }
    expect(steps).toEqual(['reply', 'done'])
    // S2 echoes nothing here, which is accepted.
    expect(rest?.every((byte) => byte === 42)).toBe(true)
  })

  test('a server of another protocol is recognised by its first byte', () => {
    const step = new ClientHandshake().receive(Buffer.from('HTTP/1.1 400'), 0)
    expect(step).toEqual({ kind: 'failed', why: expect.stringMatching(/version 72 instead of 3/) })
  })
})
