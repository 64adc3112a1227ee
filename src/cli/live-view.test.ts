import { describe, expect, test } from 'vitest'
import { channelStatus, sourceStatus, busStatus } from '../../test/helpers/channel-fixture.ts'
import { SLATE, type SourceId } from '../contract/ids.ts'
import type { OutputId } from '../contract/ids.ts'
import { textWidth } from './ansi.ts'
import { liveView, type ViewOptions } from './live-view.ts'

const options = (change: Partial<ViewOptions> = {}): ViewOptions => ({
  columns: 80,
  rows: 16,
  colour: 'off',
  address: 'http://127.0.0.1:8099',
  keep: 'last',
  below: ['12:00:01.000 INFO  first', '12:00:02.000 INFO  second'],
  prompt: ':take s1',
  ...change,
})

const busy = channelStatus({
  sources: [
    sourceStatus('s0', { label: 'Stadium north, 体育場 very long label', onAir: true }),
    sourceStatus('s1', {
      healthy: false,
      problems: [{ condition: 'stall', measured: 2_300, limit: 2_000, unit: 'ms' }],
      onPreview: true,
    }),
    sourceStatus('s2', {
      state: 'waiting',
      healthy: false,
      retryInMs: 2_400,
      lastError: 'refused\u001b[2J\nhere',
    }),
  ],
  outputs: [
    {
      id: 'out0' as OutputId,
      kind: 'udp',
      url: 'udp://239.0.0.1:5000',
      state: 'running',
      bytes: 1,
      bitrate: 5e6,
      lagMs: 0,
      skips: 0,
      errors: 0,
      reconnects: 0,
    },
    {
      id: 'kick' as OutputId,
      kind: 'rtmps',
      url: 'rtmps://h/app/***',
      state: 'waiting',
      bytes: 1,
      bitrate: 0,
      lagMs: 2_480,
      skips: 4,
      errors: 2,
      reconnects: 2,
      lastError: 'refused: try\u001b again',
      details: { encoderRestarts: 1 },
    },
  ],
})

test('the view of a channel', () => {
  expect(liveView(busy, options({ columns: 100 }))).toEqual([
    ' Channel 1   s0                                                     http://127.0.0.1:8099  00:12:34',
    ' cutover · failover auto · revert auto · latency 800 ms · conform auto · hot',
    '',
    '           # source             state       bit/s   buffer health',
    ' ON AIR    0 s0 Stadium north,… running    4.92 M   812 ms ok',
    ' preview   1 s1                 running    4.92 M   812 ms stalled 2300 ms (limit 2000)',
    '           2 s2                 waiting    4.92 M   812 ms retry in 3 s: refused [2J here',
    '',
    '   output       kind    state       bit/s     lag drops reconn',
    ' → out0         udp     running    5.00 M    0 ms     0      0 udp://239.0.0.1:5000',
    ' → kick         rtmps   waiting         0   2.5 s     4      2 refused: try  again',
    ' viewers 0   program 4.90 Mbit/s   takes 3   failovers 1   slate 00:00:04   missing frames 0',
    '',
    '12:00:01.000 INFO  first',
    '12:00:02.000 INFO  second',
    ':take s1',
  ])
})

describe('whatever the size of the terminal', () => {
  const many = channelStatus({
    sources: Array.from({ length: 200 }, (_, n) =>
      sourceStatus(`s${n}`, { label: '体'.repeat(40) }),
    ),
  })
  const statuses = { busy, many, empty: channelStatus({ sources: [] }) }
  const sizes = [20, 40, 60, 80, 100, 120, 200].flatMap((columns) =>
    [6, 10, 24, 60].map((rows) => ({ columns, rows })),
  )

  test.each(sizes)('$columns x $rows is filled and never passed', ({ columns, rows }) => {
    for (const status of Object.values(statuses)) {
      const lines = liveView(status, options({ columns, rows, prompt: ':'.repeat(300) }))
      expect(lines).toHaveLength(rows)
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns)
      expect(lines.at(-1)).toMatch(/^:+…$/)
    }
  })

  test('sources that do not fit are counted', () => {
    expect(liveView(many, options({ rows: 16 })).join('\n')).toMatch(/… and 19\d more/)
  })
})

test.each([
  ['last', '12:00:02.000 INFO  second'],
  ['first', '12:00:01.000 INFO  first'],
] as const)('when there is room for one line below, the %s stays', (keep, line) => {
  expect(liveView(busy, options({ rows: 15, keep })).at(-2)).toBe(line)
})

test('the slate on air and a pending take are shown', () => {
  const status = channelStatus({
    program: busStatus('program', { onAir: SLATE, pending: 's1' as SourceId }),
  })
  expect(liveView(status, options())[0]).toContain('SLATE   taking s1 …')
})

test('colour takes no columns and nothing from outside reaches the terminal as a control character', () => {
  const plain = liveView(busy, options({ columns: 100 }))
  const coloured = liveView(busy, options({ columns: 100, colour: 'on' }))
  // oxlint-disable-next-line no-control-regex -- removes our own colours
  const stripped = coloured.map((line) => line.replaceAll(/\u001b\[[\d;]*m/g, '').trimEnd())
  expect(stripped).toEqual(plain)
  expect(coloured.join('')).toContain('\u001b[1;97;41m ON AIR')
})
