import { describe, expect, test } from 'vitest'
import { millis } from '../contract/time.ts'
import type { ExitCause, ExitFacts } from '../process/spawn.ts'
import { exitReason, FirstCause } from './exit-reason.ts'
import { classifyLine, StderrCounts } from './stderr-lines.ts'

describe('a line is a sign of', () => {
  test.each([
    ['[error] /no.ts: No such file or directory', 'no_such_file', 1],
    [
      '[tcp @ 0x557e] [error] Connection to tcp://h:1 failed: Connection refused',
      'connection_refused',
      1,
    ],
    ['[http @ 0x564b] [warning] HTTP error 404 File not found', 'not_found', 1],
    ['[error] http://h/a: Server returned 403 Forbidden (access denied)', 'unauthorized', 1],
    ['[error] http://h/a: Server returned 5XX Server Error reply', 'http_error', 1],
    ['[error] r.bin: Invalid data found when processing input', 'not_media', 1],
    ["[http @ 0x5] [error] Protocol 'http' not on whitelist 'file'!", 'protocol_refused', 1],
    ['[srt @ 0x5] [error] Connection to srt://h:1 failed: Connection timed out', 'timed_out', 1],
    [
      '[mpegts @ 0x5] [debug] Continuity check failed for pid 0 expected 12 got 13',
      'continuity_error',
      1,
    ],
    ['[mpegts @ 0x5] [warning] Packet corrupt (stream = 1, dts = 223920).', 'corrupt_packet', 1],
    ['[warning] bad.ts: corrupt input packet in stream 1', 'other', 1],
    ['[rtp @ 0x5] [warning] RTP: missed 12 packets', 'packets_lost', 12],
    ['[h264 @ 0x5] [error] error while decoding MB 1 2, bytestream -5', 'decode_error', 1],
    ['Output file #0 does not contain any stream', 'no_streams', 1],
    ['anything else', 'other', 1],
  ])('%s', (line, sign, count) => {
    expect(classifyLine(line)).toMatchObject({ sign, count })
  })

  test('its level and bare text', () => {
    expect(classifyLine('[tls @ 0x1] [error] no')).toMatchObject({ level: 'error', text: 'no' })
  })
})

test('an unmeasurable figure is reported as such, not as zero', () => {
  const counts = new StderrCounts()
  counts.addLine(classifyLine('[mpegts @ 0x5] [warning] Packet corrupt (stream = 1).'))
  expect(counts.figures({ reportsLoss: false })).toMatchObject({
    continuityErrors: 'not measurable',
    packetsLost: 'not measurable',
    corruptPackets: 1,
  })
  expect(counts.figures({ reportsLoss: true }).packetsLost).toBe(0)
})

describe('the reason of an end', () => {
  const facts = (cause: ExitCause, forced = false): ExitFacts => ({
    cause,
    code: null,
    signal: null,
    forced,
    leftBehind: false,
    ranMs: millis(1),
  })
  const seen = (...lines: string[]) => {
    const first = new FirstCause()
    for (const line of lines) first.addLine(classifyLine(line))
    return first
  }

  test('is the first cause, not its consequences', () => {
    const first = seen(
      '[warning] slow: timed out once',
      '[x @ 0x1] [error] something odd',
      '[tcp @ 0x1] [error] Connection refused',
      '[error] Input/output error',
    )
    expect(exitReason(facts({ kind: 'exited', code: 1 }), first.line)).toEqual({
      cause: 'connection_refused',
      sentence: 'connection refused: Connection refused',
    })
  })

  test.each([
    [facts({ kind: 'stopped' }), 'stopped', 'stopped'],
    [facts({ kind: 'stopped' }, true), 'stopped', 'stopped (it had to be killed)'],
    [facts({ kind: 'killed', signal: 'SIGSEGV' }), 'killed', 'ended by SIGSEGV'],
    [facts({ kind: 'exited', code: 0 }), 'ended', 'the stream ended'],
    [facts({ kind: 'exited', code: 187 }), 'failed', 'exit code 187'],
  ])('%j is %s', (end, cause, sentence) => {
    expect(exitReason(end, undefined)).toEqual({ cause, sentence })
  })

  test('is not a line from before it played', () => {
    const first = seen('[error] Connection refused')
    first.clear()
    expect(first.line).toBeUndefined()
  })
})
