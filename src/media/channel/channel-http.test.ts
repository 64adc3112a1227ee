import { afterEach, describe, expect, it } from 'vitest'
import { ChannelRig, type ChannelRigOptions } from '../../../test/helpers/channel-rig.ts'
import { memoryHttp, type MemoryAnswer } from '../../../test/helpers/memory-http.ts'
import { stampOf } from '../../../test/helpers/synthetic-units.ts'
import { TsDemuxer } from '../../mpegts/demuxer.ts'

let rig: ChannelRig
afterEach(() => rig.close())

const start = async (spec: ChannelRigOptions['spec'] = {}): Promise<void> => {
  rig = await ChannelRig.start({ sources: { a: {}, b: {} }, spec })
}

const http = memoryHttp((request, response) => {
  if (!rig.handle(request, response)) response.writeHead(404).end()
})

/** Numbers of the pictures that a viewer was sent, by source. */
const pictures = (answer: MemoryAnswer): { tag: string; frame: number }[] => {
  const found: { tag: string; frame: number }[] = []
  const demuxer = new TsDemuxer({
    program: () => {},
    format: () => {},
    unit: (unit) => {
      const stamp = unit.kind === 'video' ? stampOf(unit) : undefined
      if (stamp !== undefined) found.push(stamp)
    },
  })
  demuxer.push(answer.body())
  return found
}

describe('a viewer of the program', () => {
  it.each([0, 1_000, 4_000])(
    'joinMs %d: gets past media of this length at once',
    async (joinMs) => {
      await start({ viewers: { joinMs } })
      await rig.run(10_000)
      const newest = rig.tape.emitted.filter(({ kind }) => kind === 'video').at(-1)!.frame
      const viewer = http.get('/stream.ts')
      await rig.run(200)
      const answer = await viewer.answer
      expect(answer.status).toBe(200)
      const behindMs = (newest - pictures(answer)[0]!.frame) * 40
      // A random access point each second; 400 ms are on their way in the mux.
      expect(behindMs).toBeGreaterThanOrEqual(joinMs - 200)
      expect(behindMs).toBeLessThan(joinMs + 1_400)
      await rig.run(2_000)
      expect(rig.status.viewers).toMatchObject([{ path: '/stream.ts' }])
      viewer.leave()
      await rig.run(100)
      expect(rig.status.viewers).toEqual([])
    },
  )

  it('sees a take without a new request, and the end of the channel ends it', async () => {
    await start()
    const viewer = http.get('/stream.ts')
    await rig.run(1_000)
    await rig.take('b')
    await rig.run(2_000)
    const tags = pictures(await viewer.answer).map(({ tag }) => tag)
    expect([...new Set(tags)]).toEqual(['a', 'b'])
  })

  it('of a source, and of the preview, has its own stream', async () => {
    await start()
    const source = http.get('/sources/b.ts')
    const preview = http.get('/preview.ts')
    await rig.run(500)
    await rig.take('b', { bus: 'preview' as never })
    await rig.run(2_000)
    expect(new Set(pictures(await source.answer).map(({ tag }) => tag))).toEqual(new Set(['b']))
    expect(pictures(await preview.answer).at(-1)).toMatchObject({ tag: 'b' })
    expect(rig.status.viewers.map(({ path }) => path).toSorted()).toEqual([
      '/preview.ts',
      '/sources/b.ts',
    ])
  })
})

describe('a request before the program has started', () => {
  const starting = async (): Promise<void> => {
    rig = new ChannelRig({ sources: { a: { startsAfterMs: 1_000 } } })
    await rig.run(100)
  }

  it('for a packaged output is held, and answered when the program has started', async () => {
    await starting()
    const held = http.get('/live/stream.m3u8')
    await rig.run(100)
    rig.serve = (request, response) => {
      response.end(request.url)
      return true
    }
    await rig.run(2_000)
    expect((await held.answer).body().toString()).toBe('/live/stream.m3u8')
  })

  it('is refused when the channel ends first, and is not kept when its client left', async () => {
    await starting()
    const [held, left] = [http.get('/live/stream.m3u8'), http.get('/live/stream.m3u8')]
    await rig.run(100)
    // The timer of the channel's ticks and format, and one for each request that is held.
    const timers = rig.clock.pendingTimers
    left.leave()
    await rig.run(20)
    expect(rig.clock.pendingTimers).toBe(timers - 1)
    await rig.close()
    expect((await held.answer).status).toBe(503)
  })

  it('for the program itself is answered with 503', async () => {
    await starting()
    const answer = await rig.answer(http.get('/stream.ts').answer)
    expect(answer.status).toBe(503)
    expect(answer.body().toString()).toContain('not_reachable')
  })
})
