import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { PlayerPages, type PlayerKind } from '../helpers/player-page.ts'
import type { RunningSluice } from '../helpers/running-sluice.ts'

/** The long form is `bin/bench players`. */
const TAKES = 6
const UNLIKE = [
  ...['-s', 'one=test:?size=640x360&rate=25&bframes=2'],
  ...['-s', 'two=bars:?size=320x180&rate=30'],
  ...['-s', 'three=text:Third source?size=640x360&rate=25'],
]

let bench: E2eBench
let pages: PlayerPages
beforeAll(async () => {
  bench = new E2eBench()
  pages = await PlayerPages.open()
})
afterAll(async () => {
  await pages.close()
  await bench.close()
})

const takes = async (sluice: RunningSluice): Promise<void> => {
  for (let i = 0; i < TAKES; i++) {
    expect(await sluice.take(['two', 'three', 'one'][i % 3]!)).toMatchObject({ ok: true })
    await seconds(1.3)
  }
  await seconds(4)
}

interface Case {
  readonly player: PlayerKind
  readonly output: string
  readonly path: string
  readonly flags: readonly string[]
}

const CASES: readonly Case[] = [
  { player: 'hls.js', output: 'hls:', path: '/live/stream.m3u8', flags: [] },
  { player: 'native', output: 'hls:', path: '/live/stream.m3u8', flags: [] },
  {
    player: 'hls.js-low-latency',
    output: 'hls:',
    path: '/live/stream.m3u8',
    flags: ['--low-latency'],
  },
  { player: 'dash.js', output: 'dash:', path: '/live/stream.mpd', flags: [] },
]

describe('players in Chromium', () => {
  it.each(CASES)(
    '$player plays $output $flags over takes between unlike sources, in real time and without a fatal error',
    async ({ player, output, path, flags }) => {
      const sluice = await bench.sluice(
        ...UNLIKE,
        ...['-o', output, '--hls-segment-time', '2', ...flags],
      )
      await sluice.ready('one', 'two', 'three')
      await seconds(7)
      const playing = await pages.play(player, sluice.address + path)
      await seconds(3)
      const playback = await playing.watch(() => takes(sluice))
      expect(playback.fatal).toEqual([])
      // Chromium's own player stands for two pictures where the decoder is set up anew; a busy machine adds to that.
      expect(playback.rate).toBeGreaterThan(0.9)
      expect(playback.rate).toBeLessThan(1.1)
      expect(playback.longestStallMs).toBeLessThan(1_000)
      await playing.page.close()
    },
  )
})
