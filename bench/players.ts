/**
 * Players in headless Chromium over takes between unlike sources: fatal errors, stalls, rate of the player's clock, and for
 * LL-HLS the time from play-out to the screen. Screenshots before and after.
 *
 *     bin/bench players [--takes 50] [--every 1.3] [--segment 2] [--players hls.js,native,hls.js-low-latency,dash.js]
 *         [--pictures folder]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PlayerPages, type PlayerKind } from '../test/helpers/player-page.ts'
import { pause, percentile, round } from './support/figures.ts'
import { withSluice } from './support/sluice.ts'

const SOURCES = [
  ...['-s', 'one=test:?size=640x360&rate=25&bframes=2'],
  ...['-s', 'two=bars:?size=320x180&rate=30'],
  ...['-s', 'three=text:Third source?size=640x360&rate=25'],
]
const OUTPUTS: Record<PlayerKind, readonly string[]> = {
  'hls.js': ['-o', 'hls:'],
  native: ['-o', 'hls:'],
  'hls.js-low-latency': ['-o', 'hls:', '--low-latency'],
  'dash.js': ['-o', 'dash:'],
}
const LATENCIES = 60

const { values } = parseArgs({
  options: {
    takes: { type: 'string', default: '50' },
    every: { type: 'string', default: '1.3' },
    segment: { type: 'string', default: '2' },
    players: { type: 'string', default: Object.keys(OUTPUTS).join() },
    pictures: { type: 'string' },
  },
})

const measure = (kind: PlayerKind): Promise<object> =>
  withSluice(
    [...SOURCES, ...OUTPUTS[kind], '--hls-segment-time', values.segment],
    async (sluice) => {
      const pages = await PlayerPages.open()
      const picture = async (name: string): Promise<void> => {
        if (values.pictures === undefined) return
        mkdirSync(values.pictures, { recursive: true })
        await playing.screenshot(join(values.pictures, `${kind}-${name}.png`))
      }
      await sluice.ready('one', 'two', 'three')
      await pause(4_000 * Number(values.segment))
      const path = kind === 'dash.js' ? '/live/stream.mpd' : '/live/stream.m3u8'
      const playing = await pages.play(kind, sluice.address + path)
      try {
        await pause(3_000)
        await picture('before')
        let refused = 0
        const playback = await playing.watch(async () => {
          for (let i = 0; i < Number(values.takes); i++) {
            const answer = await sluice.take(['two', 'three', 'one'][i % 3]!)
            if (!answer.ok) refused++
            await pause(Number(values.every) * 1_000)
            if (i === 0) await pause(4_000)
            if (i === 0) await picture('after-take')
          }
          await pause(4_000)
        })
        await picture('after')
        const live = kind === 'hls.js-low-latency'
        const latencies = live ? await playing.latencies(LATENCIES, 0.25) : []
        return {
          player: kind,
          takes: Number(values.takes) - refused,
          'fatal errors': playback.fatal.length,
          'other errors': playback.passing.length,
          'longest stall ms': round(playback.longestStallMs),
          'stalls > 250 ms': playback.stalls,
          'media s / s': round(playback.rate, 3),
          'latency ms p50': live ? Math.round(percentile(latencies, 0.5)) : '',
          p95: live ? Math.round(percentile(latencies, 0.95)) : '',
          max: live ? Math.round(Math.max(...latencies)) : '',
        }
      } finally {
        await pages.close()
      }
    },
  )

const rows: object[] = []
for (const kind of values.players.split(',')) rows.push(await measure(kind as PlayerKind))
console.table(rows)
