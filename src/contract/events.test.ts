import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EVENT_TYPES as WORDS, eventLine } from '../../web/public/words.js'
import { takeDone } from '../../test/helpers/channel-fixture.ts'
import { eventSentence } from '../cli/sentences.ts'
import { ChannelEvent, EVENT_TYPES, StampedEvent } from './events.ts'
import { channelId, outputId, PROGRAM, sourceId, type Ticket } from './ids.ts'
import { BusStatus, ChannelStatus, OutputStatus, SourceStatus, ViewerStatus } from './status.ts'

const [a, b] = [sourceId('a'), sourceId('b')]
const output = outputId('rec')
const problem = { condition: 'stall', measured: 2_500, limit: 2_000, unit: 'ms' } as const
const viewer = { viewer: 3, path: '/stream.ts', address: '192.0.2.7', agent: 'VLC' }
const ticket = 7 as Ticket
const take = { ticket, bus: PROGRAM, source: a }

/** One of each type: completeness is checked by the compiler. */
const SAMPLES: { readonly [Type in ChannelEvent['type']]: ChannelEvent & { type: Type } } = {
  channel_started: { type: 'channel_started', name: 'One' },
  channel_stopped: { type: 'channel_stopped' },
  format_chosen: { type: 'format_chosen', from: 'source', source: a, video: 'v', audio: 'a' },
  take_requested: { type: 'take_requested', ...take, mode: 'cutover' },
  take_done: { type: 'take_done', answer: takeDone() },
  take_refused: {
    type: 'take_refused',
    answer: { ok: false, ...take, why: 'unknown_source', message: 'there is no source "a"' },
  },
  take_displaced: { type: 'take_displaced', ...take, by: b },
  switched: {
    type: 'switched',
    bus: PROGRAM,
    from: a,
    to: b,
    cause: 'failover',
    programTime: 900_000,
    problems: [problem],
  },
  failover_observed: { type: 'failover_observed', from: a, to: b, problems: [problem] },
  failover_held: { type: 'failover_held', source: a, reason: 'no healthy substitute' },
  source_state: { type: 'source_state', source: a, state: 'waiting', retryInMs: 1_000 },
  source_health: { type: 'source_health', source: a, healthy: false, problems: [problem] },
  source_format: { type: 'source_format', source: a, video: 'v', audio: null, conform: 'as_is' },
  source_added: { type: 'source_added', source: a },
  source_changed: { type: 'source_changed', source: a },
  source_removed: { type: 'source_removed', source: a },
  output_added: { type: 'output_added', output },
  output_removed: { type: 'output_removed', output },
  output_state: { type: 'output_state', output, state: 'failed', reason: 'refused' },
  alert: { type: 'alert', output, what: 'disk_full', message: 'the disk is full' },
  viewer_joined: { type: 'viewer_joined', ...viewer },
  viewer_left: { type: 'viewer_left', ...viewer, reason: 'stalled' },
  settings_changed: { type: 'settings_changed', change: { mode: 'graceful' } },
  gap: { type: 'gap', from: 4, to: 9, lost: 6 },
  warning: { type: 'warning', message: 'a sentence' },
}

test.each(EVENT_TYPES)('%s has a schema, a sentence and words on the page', (type) => {
  const event = SAMPLES[type]
  const stamped = { id: 1, at: 0, channel: channelId('main'), event }
  expect(StampedEvent.parse(JSON.parse(JSON.stringify(stamped)))).toEqual(stamped)
  expect(eventSentence(event)).toMatch(/\w/)
  expect(eventSentence(event)).not.toContain('undefined')
  expect(WORDS).toContain(type)
  expect(eventLine(event)[1]).toMatch(/\w/)
  expect(eventLine(event)[1]).not.toContain('undefined')
})

test('the page has words for no other event', () => {
  expect(WORDS.toSorted()).toEqual([...EVENT_TYPES].toSorted())
})

/** The rows of a section of the reference: first column, and whole row. */
const documented = (section: string): readonly (readonly [string, string])[] => {
  const text = readFileSync(new URL('../../docs/status-and-events.md', import.meta.url), 'utf8')
  const [rows = ''] = text.slice(text.indexOf(`\n## ${section}\n`) + 4).split('\n## ')
  return [...rows.matchAll(/^\| `(\w+)` \|(.*)$/gm)].map((row) => [row[1]!, row[2]!] as const)
}

test('each event is documented with its fields, and no other', () => {
  const rows = documented('Events').map(([type, rest]) => [
    type,
    ...[...rest.split('|')[0]!.matchAll(/`(\w+)`/g)].map((name) => name[1]!).toSorted(),
  ])
  const known = ChannelEvent.options.flatMap((option) => {
    const { type, ...fields } = option.unwrap().shape
    return [...type.values].map((name) => [name, ...Object.keys(fields).toSorted()])
  })
  expect(rows.toSorted()).toEqual(known.toSorted())
})

test.each([
  ['Channel', ChannelStatus],
  ['Bus', BusStatus],
  ['Source', SourceStatus],
  ['Output', OutputStatus],
  ['Viewer', ViewerStatus],
] as const)('%s: each field of the status is documented, and no other', (section, schema) => {
  const fields = documented(section).map(([field]) => field)
  expect(fields.toSorted()).toEqual(Object.keys(schema.unwrap().shape).toSorted())
})

test.each([
  ['an unknown type', { type: 'nothing' }],
  ['a field that is missing', { type: 'failover_held', source: 'a' }],
  ['a field of another type', { type: 'gap', from: '1', to: 2, lost: 2 }],
])('%s is no event', (_name, event) => {
  expect(StampedEvent.safeParse({ id: 1, at: 0, channel: 'main', event }).success).toBe(false)
})
