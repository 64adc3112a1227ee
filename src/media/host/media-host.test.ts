import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { MediaRequest } from '../channel/media-route.ts'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { aStatus } from '../../../test/helpers/fake-channel.ts'
import type { TakeAnswer } from '../../contract/commands.ts'
import { SluiceError } from '../../contract/errors.ts'
import type { StampedEvent } from '../../contract/events.ts'
import { channelId, outputId, PROGRAM, sourceId, type Ticket } from '../../contract/ids.ts'
import { MEDIA_PROTOCOL } from '../../contract/media-port.ts'
import { ChannelSpec } from '../../contract/spec.ts'
import type { EventSink } from '../channel/channel-parts.ts'
import type { Operation } from '../channel/reconcile.ts'
import { type HostedChannel, MediaHost } from './media-host.ts'

const MAIN = channelId('main')
const TWO = channelId('two')
const EPOCH = 'first run'

const spec = (sources: readonly string[] = ['a'], more: object = {}): ChannelSpec =>
  ChannelSpec.parse({ sources: sources.map((id) => ({ id, url: 'test:' })), ...more })

/** A channel without media: records its requests, and holds takes until it ends. */
class Hosted implements HostedChannel {
  readonly applied: (readonly Operation[])[] = []
  readonly spec: ChannelSpec
  readonly events: EventSink
  refusal: SluiceError | undefined
  state: 'created' | 'running' | 'ended' = 'created'
  /** An output that ends only with the channel. */
  readonly ended: Promise<void>
  #end: () => void = () => undefined
  #tickets = 0
  readonly #pending: (() => void)[] = []

  constructor(wanted: ChannelSpec, events: EventSink) {
    this.spec = wanted
    this.events = events
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#end())
    this.state = 'running'
    this.events.logEvent({ type: 'channel_started', name: this.spec.name })
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    for (const refuse of this.#pending) refuse()
    this.state = 'ended'
    this.events.logEvent({ type: 'channel_stopped' })
  }

  async apply(operations: readonly Operation[]): Promise<void> {
    if (operations.some(({ kind }) => kind === 'remove_output')) await this.ended
    if (this.refusal !== undefined) throw this.refusal
    this.applied.push(operations)
  }

  take(): Promise<TakeAnswer> {
    const ticket = ++this.#tickets as Ticket
    const why = 'channel_stopped'
    const source = sourceId('a')
    return new Promise((resolve) => {
      this.#pending.push(() =>
        resolve({ ok: false, ticket, bus: PROGRAM, source, why, message: 'the channel stops' }),
      )
    })
  }

  status = () => aStatus({ name: this.spec.name })
  disconnectViewer = (path: string, id: number) => path === '/stream.ts' && id === 1
  recordings = () => []
  deleteRecording = async () => false
  readonly asked: MediaRequest['path'][] = []
  handle = ({ path }: MediaRequest) => this.asked.push(path) > 0
}

const started = (limits = { maxEntries: 100, maxBytes: 100_000 }) => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const created: Hosted[] = []
  const faults: unknown[] = []
  const host = new MediaHost({
    epoch: EPOCH,
    defaultChannel: MAIN,
    access: { playback: 'public', revoked: [] },
    clock,
    limits,
    wallTime: () => 1_000,
    createChannel: (_id, wanted, events) => {
      if (wanted.name === 'impossible') throw new SluiceError('unsupported_url', 'no such source')
      const channel = new Hosted(wanted, events)
      created.push(channel)
      return channel
    },
    onFault: (_id, error) => faults.push(error),
  })
  const ended = host.run(stop.signal)
  const close = async (): Promise<void> => {
    stop.abort()
    await ended
  }
  return { host, clock, created, faults, close }
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as SluiceError).code,
  )

/** The available events, without waiting for more. */
const eventsOf = async (host: MediaHost, seq = 0): Promise<StampedEvent[]> => {
  const found: StampedEvent[] = []
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  for await (const event of host.events({ epoch: EPOCH, seq }, stop.signal)) found.push(event)
  return found
}

const apply = (host: MediaHost, generation: number, wanted = spec(), channel = MAIN) =>
  host.apply({ channel, generation, spec: wanted })

describe('the wanted state', () => {
  test('a channel is started once, and the same generation again has no effect', async () => {
    const { host, created } = started()
    await apply(host, 1)
    await apply(host, 1)
    expect(created.map(({ state, applied }) => [state, applied])).toEqual([['running', []]])
    expect(await host.channels()).toEqual([{ channel: MAIN, generation: 1 }])
  })

  test('a newer generation is carried out as the operations between the two', async () => {
    const { host, created } = started()
    await apply(host, 1)
    await apply(host, 5, spec(['a', 'b']))
    expect(created[0]?.applied.flat()).toMatchObject([{ kind: 'add_source', spec: { id: 'b' } }])
    expect(await host.channels()).toEqual([{ channel: MAIN, generation: 5 }])
  })

  test.each([
    ['an older generation', 2, spec(['b'])],
    ['an older generation with the same spec', 2, spec()],
    ['the same generation with another spec', 3, spec(['b'])],
  ])('%s is refused and changes nothing', async (_name, generation, wanted) => {
    const { host, created } = started()
    await apply(host, 3)
    expect(await codeOf(apply(host, generation, wanted))).toBe('stale_generation')
    expect([created.length, created[0]?.applied]).toEqual([1, []])
  })

  test('a refusal by the channel leaves spec and generation unchanged', async () => {
    const { host, created } = started()
    await apply(host, 1)
    created[0]!.refusal = new SluiceError('unsupported_url', 'no such source')
    expect(await codeOf(apply(host, 2, spec(['a', 'b'])))).toBe('unsupported_url')
    expect(await host.channels()).toEqual([{ channel: MAIN, generation: 1 }])
    created[0]!.refusal = undefined
    await apply(host, 3, spec(['a', 'c']))
    expect(created[0]?.applied.flat()).toMatchObject([{ kind: 'add_source', spec: { id: 'c' } }])
  })

  test('two sources of one id are refused', async () => {
    const { host, created } = started()
    expect(await codeOf(apply(host, 1, spec(['a', 'a'])))).toBe('id_in_use')
    expect(created).toEqual([])
  })

  test('a change that is not possible on the air makes a new channel, once the old one has ended', async () => {
    const { host, created } = started()
    await apply(host, 1)
    await apply(host, 2, spec(['a'], { latencyMs: 100 }))
    expect(created.map(({ state }) => state)).toEqual(['ended', 'running'])
    const types = (await eventsOf(host)).map(({ event }) => event.type)
    expect(types).toEqual(['channel_started', 'channel_stopped', 'channel_started'])
  })

  test('a restart that is not possible leaves the old channel on the air', async () => {
    const { host, created } = started()
    await apply(host, 1)
    expect(await codeOf(apply(host, 2, spec(['a'], { name: 'impossible' })))).toBe(
      'unsupported_url',
    )
    expect(created.map(({ state }) => state)).toEqual(['running'])
  })

  test('changes of a channel are made one after the other', async () => {
    const { host, created } = started()
    await Promise.all([1, 2, 3].map((n) => apply(host, n, spec(['a', 'b', 'c'].slice(0, n)))))
    const added = created[0]?.applied.flat().map((op) => op.kind === 'add_source' && op.spec.id)
    expect(added).toEqual(['b', 'c'])
  })
})

describe('removal', () => {
  test('a take that waits is answered, and the channel has ended when it resolves', async () => {
    const { host, created } = started()
    await apply(host, 1)
    const answer = host.take({ channel: MAIN, take: { source: sourceId('a') } })
    await host.remove({ channel: MAIN, generation: 2 })
    expect(await answer).toMatchObject({
      ok: false,
      why: 'channel_stopped',
      bus: PROGRAM,
      ticket: 1,
    })
    expect(created[0]?.state).toBe('ended')
    expect(await codeOf(host.status(MAIN))).toBe('unknown_channel')
    expect(await host.channels()).toEqual([])
  })

  test('an older wanted state does not bring it back, a newer one does', async () => {
    const { host, created } = started()
    await apply(host, 1)
    await host.remove({ channel: MAIN, generation: 2 })
    expect(await codeOf(apply(host, 2))).toBe('stale_generation')
    await apply(host, 3)
    expect(created.map(({ state }) => state)).toEqual(['ended', 'running'])
  })

  test('an older removal is refused, the same one again is done', async () => {
    const { host } = started()
    await apply(host, 4)
    expect(await codeOf(host.remove({ channel: MAIN, generation: 3 }))).toBe('stale_generation')
    await host.remove({ channel: MAIN, generation: 5 })
    expect(await codeOf(host.remove({ channel: MAIN, generation: 5 }))).toBe('done')
  })
})

test('a change that is under way does not hold up the end', async () => {
  const { host, created, close } = started()
  const outputs = [{ id: 'x', url: 'udp://239.0.0.1:5000' }]
  await apply(host, 1, spec(['a'], { outputs }))
  const change = apply(host, 2)
  await new Promise((resolve) => setImmediate(resolve))
  await close()
  expect(await codeOf(change)).toBe('done')
  expect(created.map(({ state }) => state)).toEqual(['ended'])
})

test('two channels keep their events, tickets and status apart', async () => {
  const { host, created, close } = started()
  await apply(host, 1)
  await apply(host, 7, spec(['a'], { name: 'Second' }), TWO)
  const answers = [MAIN, MAIN, TWO].map((channel) =>
    host.take({ channel, take: { source: sourceId('a') } }),
  )
  created[1]?.events.logEvent({ type: 'warning', message: 'of two' })
  const told = (await eventsOf(host)).map(({ id, channel, event }) => [id, channel, event.type])
  expect(told).toEqual([
    [1, 'main', 'channel_started'],
    [2, 'two', 'channel_started'],
    [3, 'two', 'warning'],
  ])
  expect([(await host.status(MAIN)).name, (await host.status(TWO)).name]).toEqual([
    'Sluice',
    'Second',
  ])
  await close()
  expect((await Promise.all(answers)).map(({ ticket }) => ticket)).toEqual([1, 2, 1])
})

describe('events', () => {
  const warned = (channel: Hosted | undefined, times: number): void => {
    for (let i = 0; i < times; i++) channel?.events.logEvent({ type: 'warning', message: `${i}` })
  }

  test('without acknowledgement the oldest are dropped, and one gap stands for them', async () => {
    const { host, created } = started({ maxEntries: 10, maxBytes: 100_000 })
    await apply(host, 1)
    warned(created[0], 29)
    const events = await eventsOf(host)
    expect(events[0]).toMatchObject({
      id: 20,
      channel: null,
      event: { type: 'gap', from: 1, to: 20, lost: 20 },
    })
    expect(events.slice(1).map(({ id }) => id)).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30])
  })

  test('the bytes of kept events are bounded too', async () => {
    const { host, created } = started({ maxEntries: 1_000, maxBytes: 2_000 })
    await apply(host, 1)
    for (let i = 0; i < 10; i++) {
      created[0]?.events.logEvent({ type: 'warning', message: 'x'.repeat(500) })
    }
    expect((await eventsOf(host)).map(({ event }) => event.type)).toEqual([
      'gap',
      'warning',
      'warning',
      'warning',
    ])
  })

  test('a reader that returns is given the events that it has not had, or the gap', async () => {
    const { host, created } = started({ maxEntries: 10, maxBytes: 100_000 })
    await apply(host, 1)
    warned(created[0], 4)
    expect((await eventsOf(host, 3)).map(({ id }) => id)).toEqual([4, 5])
    warned(created[0], 20)
    expect((await eventsOf(host, 3))[0]?.event).toEqual({ type: 'gap', from: 4, to: 15, lost: 12 })
  })

  test('a reader that is too slow meets a gap on its way', async () => {
    const { host, created } = started({ maxEntries: 10, maxBytes: 100_000 })
    await apply(host, 1)
    const reader = host.events({ epoch: EPOCH, seq: 0 }, new AbortController().signal)
    const events = reader[Symbol.asyncIterator]()
    expect((await events.next()).value).toMatchObject({ id: 1 })
    warned(created[0], 30)
    expect((await events.next()).value).toMatchObject({ event: { type: 'gap', from: 2, to: 21 } })
    expect((await events.next()).value).toMatchObject({ id: 22 })
  })

  test('acknowledged events are not sent again, and are no gap', async () => {
    const { host, created } = started()
    await apply(host, 1)
    warned(created[0], 4)
    await host.ack({ epoch: EPOCH, seq: 3 })
    expect((await eventsOf(host)).map(({ id }) => id)).toEqual([4, 5])
  })

  test('numbers of another run are refused', async () => {
    const { host } = started()
    const from = { epoch: 'another run', seq: 0 }
    expect(await codeOf(host.ack(from))).toBe('unknown_epoch')
    const reader = host.events(from, new AbortController().signal)[Symbol.asyncIterator]()
    expect(await codeOf(reader.next())).toBe('unknown_epoch')
  })

  test('they end after the last one when the host has ended', async () => {
    const { host, close } = started()
    await apply(host, 1)
    const types: string[] = []
    const reading = (async () => {
      const all = host.events({ epoch: EPOCH, seq: 0 }, new AbortController().signal)
      for await (const { event } of all) types.push(event.type)
    })()
    await close()
    await reading
    expect(types).toEqual(['channel_started', 'channel_stopped'])
  })
})

describe('requests', () => {
  test('hello names version, epoch and capabilities', async () => {
    expect(await started().host.hello({ version: MEDIA_PROTOCOL, epoch: 'before' })).toEqual({
      version: MEDIA_PROTOCOL,
      epoch: EPOCH,
      capabilities: ['viewers', 'recordings', 'access'],
    })
  })

  test('another version is refused, with both in the reason', async () => {
    const refused = started().host.hello({ version: 99 })
    await expect(refused).rejects.toThrow(/version 99 .* it is 1$/)
    expect(await codeOf(refused)).toBe('version_mismatch')
  })

  test('past its deadline a request is answered, and leaves no timer behind', async () => {
    const { host, clock } = started()
    await apply(host, 1)
    const take = { channel: MAIN, take: { source: sourceId('a') } }
    const answer = codeOf(host.take(take, { deadlineMs: 500 }))
    await clock.advanceAsync(499)
    expect(clock.pendingTimers).toBe(1)
    await clock.advanceAsync(1)
    expect(await answer).toBe('deadline_exceeded')
    expect(await codeOf(host.status(MAIN, { deadlineMs: 500 }))).toBe('done')
    expect(clock.pendingTimers).toBe(0)
  })

  test('a message that cannot be cloned is refused', async () => {
    const { host, created } = started()
    const wanted = { ...spec(), name: (() => 'not data') as unknown as string }
    expect(await codeOf(apply(host, 1, wanted))).toBe('internal')
    expect(created).toEqual([])
  })

  test('later changes of its copy by the caller have no effect', async () => {
    const { host, created } = started()
    const wanted = spec()
    await apply(host, 1, wanted)
    wanted.sources.length = 0
    expect(created[0]?.spec.sources).toHaveLength(1)
  })

  test('viewers and recordings are asked of the channel that is named', async () => {
    const { host } = started()
    await apply(host, 1)
    expect(await host.viewers(MAIN)).toEqual([])
    expect(await host.disconnectViewer({ channel: MAIN, path: '/stream.ts', id: 1 })).toBe(true)
    expect(await host.disconnectViewer({ channel: MAIN, path: '/stream.ts', id: 2 })).toBe(false)
    expect(await host.recordings(MAIN)).toEqual([])
    const recording = { channel: MAIN, output: outputId('rec'), name: 'a.ts' }
    expect(await host.deleteRecording(recording)).toBe(false)
    expect(await codeOf(host.viewers(TWO))).toBe('unknown_channel')
  })
})

test('media is asked for by channel; an address without one is of the default channel', async () => {
  const { host, created, close } = started()
  await apply(host, 1, spec(), channelId('two'))
  const handle = (url: string): boolean => {
    const request = new IncomingMessage(new Socket())
    request.url = url
    return host.handle(request, new ServerResponse(request))
  }
  expect(handle('/stream.ts')).toBe(false)
  expect(handle('/channels/two/stream.ts')).toBe(true)
  await apply(host, 1)
  expect(handle('/stream.ts')).toBe(true)
  expect(handle('/channels/main/listen.mp3')).toBe(true)
  expect(handle('/channels/three/stream.ts')).toBe(false)
  expect(handle('/status')).toBe(false)
  expect(created.map(({ asked }) => asked.map(({ kind }) => kind))).toEqual([
    ['bus'],
    ['bus', 'listen'],
  ])
  await close()
})
