import { afterEach, describe, expect, it } from 'vitest'
import { createRigSource, slateMaterialOf, type RigSource } from '../../../test/helpers/bus-rig.ts'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import type { ChannelEvent } from '../../contract/events.ts'
import { PROGRAM, SLATE, sourceId, type Ticket } from '../../contract/ids.ts'
import { ChannelSpec } from '../../contract/spec.ts'
import { ViewerLog } from '../viewers/viewer-log.ts'
import { BusController } from './bus-controller.ts'
import type { ProgramSource } from './program-sources.ts'
import type { AutomaticTake } from './takes.ts'
import { defaultFormat } from '../format/program-format.ts'

/** A bus controller with running sources; the one named "never" brings nothing. */
class Rig {
  readonly clock = new FakeClock()
  readonly events: ChannelEvent[] = []
  readonly controller: BusController
  readonly #sources: ReadonlyMap<string, ProgramSource & RigSource>
  #tickets = 0

  constructor(...ids: readonly string[]) {
    const sources = ids.map((id) => {
      const source = createRigSource(id, id === 'never' ? { from: 1e9 } : {})
      return {
        ...source,
        spec: {},
        verdict: { healthy: true, problems: [] },
        supervised: { state: { state: 'running' as const } },
        reportUnderrun: () => {},
      }
    })
    this.#sources = new Map(sources.map((source) => [source.id as string, source]))
    this.controller = new BusController({
      name: PROGRAM,
      slate: slateMaterialOf(true),
      format: defaultFormat(undefined),
      spec: ChannelSpec.parse({}),
      clock: this.clock,
      wallTime: () => 0,
      nextTicket: () => this.#ticket(),
      inputs: { get: (id) => this.#sources.get(id), all: () => [...this.#sources.values()] },
      viewerLog: new ViewerLog(() => {}, this.clock),
      memory: { addHolder: () => () => {} },
      emit: (event) => this.events.push(event),
      onWantedChanged: () => {},
    })
    this.controller.setWanted(sourceId(ids[0]!))
    this.controller.setSubstitutes([])
    this.run(3_000)
  }

  run(ms: number): void {
    for (let left = ms; left > 0; left -= 5) {
      this.clock.advance(5)
      const now = this.clock.now()
      for (const source of this.#sources.values()) source.arrive(now)
      this.controller.playOut.tick(now)
      this.controller.setSubstitutes([])
      if (now % 100 === 0) for (const { buffer } of this.#sources.values()) buffer.trim(now)
    }
  }

  take(source: string, deadlineMs = 10_000) {
    const ticket = this.#ticket()
    return { ticket, answer: this.controller.takes.request(ticket, this.#plan(source, deadlineMs)) }
  }

  automatic(source: string, cause: AutomaticTake['cause'] = 'failover') {
    const plan = { ...this.#plan(source, 10_000), mode: 'cutover' as const }
    return this.controller.takes.automatic({ plan, cause, problems: [], reason: 'it is sick' })
  }

  get standing(): string {
    const { bus } = this.controller
    return `${bus.onAir} on air, ${bus.standingOrder.wanted} wanted, ${this.controller.takes.requested ?? 'nothing'} pending`
  }

  #plan(source: string, deadlineMs: number) {
    const now = this.clock.now()
    const id = source === SLATE ? SLATE : sourceId(source)
    return { source: id, mode: 'graceful' as const, notBefore: now, deadline: now + deadlineMs }
  }

  #ticket(): Ticket {
    return ++this.#tickets as Ticket
  }
}

let rig: Rig
afterEach(async () => {
  await rig.controller.close()
  expect(rig.clock.pendingTimers).toBe(0)
})

describe('pending takes of a bus', () => {
  it('answers a superseded take at once, with the newer one', async () => {
    rig = new Rig('a', 'never', 'b')
    const first = rig.take('never')
    const second = rig.take('b')
    expect(await first.answer).toMatchObject({
      ok: false,
      ticket: first.ticket,
      why: 'superseded',
      by: { ticket: second.ticket, source: 'b' },
    })
    rig.run(3_000)
    expect(await second.answer).toMatchObject({ ok: true, ticket: second.ticket, source: 'b' })
    expect(rig.standing).toBe('b on air, b wanted, nothing pending')
  })

  it('distinguishes two takes of the same source', async () => {
    rig = new Rig('a', 'never')
    const [first, second] = [rig.take('never'), rig.take('never', 2_000)]
    expect(await first.answer).toMatchObject({ ticket: first.ticket, why: 'superseded' })
    rig.run(2_100)
    expect(await second.answer).toMatchObject({
      ticket: second.ticket,
      why: 'no_random_access_point',
    })
  })

  it('keeps a take that a failover displaces, and makes it afterwards', async () => {
    rig = new Rig('a', 'b', 'c')
    const wish = rig.take('c')
    const failover = rig.automatic('b')
    expect(rig.events.at(-1)).toEqual({
      type: 'take_displaced',
      ticket: wish.ticket,
      bus: 'program',
      source: 'c',
      by: 'b',
    })
    rig.run(100)
    expect(await failover).toEqual({ ok: true })
    expect(rig.standing).toBe('b on air, a wanted, c pending')
    rig.run(3_000)
    expect(await wish.answer).toMatchObject({ ok: true, ticket: wish.ticket, from: 'b' })
    expect(rig.standing).toBe('c on air, c wanted, nothing pending')
    const causes = rig.events.flatMap((event) => (event.type === 'switched' ? [event.cause] : []))
    expect(causes).toEqual(['start', 'failover', 'take'])
    expect(rig.controller.counts).toEqual({ takes: 1, failovers: 1 })
  })

  it('answers a displaced take at its own deadline, and does not change the wanted source', async () => {
    rig = new Rig('a', 'b', 'never')
    const wish = rig.take('never', 4_000)
    const failover = rig.automatic('b')
    rig.run(100)
    expect(await failover).toEqual({ ok: true })
    rig.run(3_800)
    expect(rig.standing).toBe('b on air, a wanted, never pending')
    rig.run(200)
    expect(await wish.answer).toMatchObject({ ok: false, why: 'no_random_access_point' })
    expect(rig.standing).toBe('b on air, a wanted, nothing pending')
  })

  it('resumes a displaced take when the failover is refused', async () => {
    rig = new Rig('a', 'never', 'c')
    const wish = rig.take('c', 30_000)
    const failover = rig.automatic('never')
    rig.run(10_100)
    expect(await failover).toMatchObject({ ok: false, why: 'no_random_access_point' })
    rig.run(3_000)
    expect(await wish.answer).toMatchObject({ ok: true, source: 'c' })
  })

  it('supersedes a pending failover and the take that it had displaced', async () => {
    rig = new Rig('a', 'never', 'b')
    const wish = rig.take('never')
    const failover = rig.automatic('never')
    const newest = rig.take('b')
    expect(await failover).toMatchObject({ ok: false, why: 'superseded' })
    expect(await wish.answer).toMatchObject({ why: 'superseded', by: { source: 'b' } })
    rig.run(3_000)
    expect(await newest.answer).toMatchObject({ ok: true })
  })

  it('refuses every take of a source that is removed', async () => {
    rig = new Rig('a', 'never', 'b')
    const wish = rig.take('never')
    const failover = rig.automatic('never')
    rig.controller.onSourceRemoved(sourceId('never'), sourceId('a'))
    expect(await wish.answer).toMatchObject({ why: 'source_removed' })
    expect(await failover).toMatchObject({ why: 'source_removed' })
    expect(rig.controller.neededSources()).toEqual(['a', 'a'])
  })

  it('answers every take when it closes', async () => {
    rig = new Rig('a', 'never', 'b')
    const wish = rig.take('never')
    const failover = rig.automatic('never')
    await rig.controller.close()
    expect(await wish.answer).toMatchObject({ why: 'channel_stopped' })
    expect(await failover).toMatchObject({ why: 'channel_stopped' })
  })

  it('answers a cut whose audio has not settled when it closes', async () => {
    rig = new Rig('a', 'b')
    const wish = rig.take('b')
    for (let ms = 0; ms < 3_000 && rig.controller.takes.requested !== undefined; ms += 5) rig.run(5)
    await rig.controller.close()
    expect(await wish.answer).toMatchObject({ ok: true, source: 'b' })
  })
})
