import { expect, test } from 'vitest'
import { channelStatus } from '../../test/helpers/channel-fixture.ts'
import { anOutput } from '../../test/helpers/fake-channel.ts'
import { channelId, outputId } from '../contract/ids.ts'
import { eventLine, levelOf } from './sentences.ts'
import { statusText } from './status-text.ts'

test('each output has state, bitrate, lag, drops, reconnects, errors and the figures of its kind', () => {
  const status = channelStatus({
    outputs: [
      anOutput('tw', {
        kind: 'rtmps',
        url: 'twitch:***',
        state: 'waiting',
        bytes: 1_240_000_000,
        bitrate: 6_200_000,
        lagMs: 3_210,
        skips: 2,
        reconnects: 1,
        errors: 1,
        lastError: 'closed by\u001b the server',
      }),
      anOutput('radio', {
        kind: 'icecast',
        url: 'icecast://source:***@h/live.mp3',
        details: {
          ...{ format: 'mp3', encoderRestarts: 0, titles: true, listed: false, leftOut: '' },
          ...{ sentBytes: 1_234_567, freeMb: 84_422, targetSeconds: 4, lostMs: 12 },
        },
      }),
    ],
    listeners: anOutput('listen', {
      kind: 'listeners',
      url: '/listen.mp3',
      bytes: 5_000,
      bitrate: 128_000,
      details: { listeners: 1 },
    }),
  })
  const text = statusText(status)
  expect(text.slice(text.findIndex((line) => line.startsWith('output')))).toEqual([
    'output tw rtmps waiting: twitch:***',
    '  6.20 Mbit/s, 1.2 GB, lag 3.2 s, drops 2, reconnects 1, errors 1',
    '  last error: closed by  the server',
    'output radio icecast running: icecast://source:***@h/live.mp3',
    '  0 bit/s, 0 B, lag 0 ms, drops 0, reconnects 0, errors 0',
    '  format mp3, encoder restarts 0, titles, no listed, sent 1.2 MB, free 84.4 GB, target 4 s, lost 12 ms',
    'listeners running: /listen.mp3',
    '  128 kbit/s, 5.0 kB, lag 0 ms, drops 0, reconnects 0, errors 0',
    '  listeners 1',
  ])
})

test('an alert and an output that waits are warnings in words', () => {
  const output = outputId('rec')
  const channel = channelId('main')
  const alert = { type: 'alert', output, what: 'disk_full', message: 'the disk is full' } as const
  expect(eventLine({ id: 1, at: 0, channel, event: alert })).toBe(
    '00:00:00.000 WARN  ALERT output rec: the disk is full',
  )
  const twice = { ...alert, message: 'output rec: the disk is full' }
  expect(eventLine({ id: 1, at: 0, channel, event: twice })).toBe(
    '00:00:00.000 WARN  ALERT output rec: the disk is full',
  )
  expect(levelOf({ type: 'output_state', output, state: 'waiting' })).toBe('warn')
  expect(levelOf({ type: 'output_state', output, state: 'running' })).toBe('info')
})
