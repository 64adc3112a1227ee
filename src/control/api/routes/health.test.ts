import { expect, test } from 'vitest'
import { aBus, anOutput, aSource, aStatus } from '../../../../test/helpers/fake-channel.ts'
import { SLATE, sourceId } from '../../../contract/ids.ts'
import type { ChannelStatus } from '../../../contract/status.ts'
import { healthOf, healthStatusCode } from './health.ts'

const S1 = sourceId('s1')

test.each<readonly [string, Partial<ChannelStatus>, string, number]>([
  ['the wanted source plays', {}, 'ok', 200],
  ['a substitute plays', { program: aBus('program', { onAir: S1 }) }, 'degraded', 200],
  ['the source on air is sick', { sources: [aSource('s0', { healthy: false })] }, 'degraded', 200],
  [
    'the slate plays instead of a source',
    { program: aBus('program', { onAir: SLATE }) },
    'slate',
    503,
  ],
  [
    'an operator took the slate',
    { program: aBus('program', { onAir: SLATE, wanted: SLATE }) },
    'ok',
    200,
  ],
  ['the channel starts', { state: 'starting' }, 'starting', 503],
  ['the channel stops', { state: 'stopping' }, 'stopping', 503],
])('%s', (_case, change, word, code) => {
  const health = healthOf(aStatus(change))
  expect(health.status).toBe(word)
  expect(healthStatusCode(health.status)).toBe(code)
  expect(health.reasons.length > 0).toBe(word === 'degraded' || word === 'slate')
})

test.each<readonly [string, Partial<ChannelStatus>, boolean]>([
  ['the program runs', {}, true],
  ['the channel starts', { state: 'starting' }, false],
  ['the slate plays', { program: aBus('program', { onAir: SLATE }) }, true],
  [
    'the playlist is empty',
    { outputs: [anOutput('web', { kind: 'hls', details: { listed: 0 } })] },
    false,
  ],
  [
    'the playlist has a segment',
    { outputs: [anOutput('web', { kind: 'hls', details: { listed: 1 } })] },
    true,
  ],
  [
    'the playlist of the run before is served, with no segment of this one yet',
    { outputs: [anOutput('web', { kind: 'hls', details: { segments: 0, listed: 4 } })] },
    true,
  ],
  [
    'another output waits',
    { outputs: [anOutput('tw', { kind: 'rtmps', state: 'waiting' })] },
    true,
  ],
])('the stream is ready, or not, when %s', (_case, change, ready) => {
  expect(healthOf(aStatus(change)).stream_ready).toBe(ready)
})
