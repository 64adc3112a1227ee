import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { freePort } from '../helpers/ffmpeg-tools.ts'
import { checkSnapshots } from '../helpers/hls-validator.ts'
import { onlyLong } from '../helpers/long-form.ts'
import { PlayerPages, type PlayerKind } from '../helpers/player-page.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'

const SEGMENT_SECONDS = 2

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

const start = async (port: number, stateDir: string, flags: readonly string[]) => {
  const sluice = await RunningSluice.start({
    main: bench.main,
    stateDir,
    args: [
      ...['-s', 'one=test:?size=320x180&rate=25&bframes=2', '-s', 'two=bars:?size=320x180&rate=25'],
      ...['-o', 'hls:', '--hls-segment-time', String(SEGMENT_SECONDS)],
      ...['--listen', `127.0.0.1:${port}`, ...flags],
    ],
  })
  return sluice
}

/** The media playlist as a player would see it, polled for as long as the signal allows; refused connections are none. */
const snapshots = async (url: string, signal: AbortSignal): Promise<string[]> => {
  const seen: string[] = []
  while (!signal.aborted) {
    try {
      const answer = await fetch(url, { signal })
      if (answer.ok) seen.push(await answer.text())
    } catch {
      // Between the two runs nobody listens.
    }
    await seconds(0.4)
  }
  return seen
}

const mediaSequence = (playlist: string): number =>
  Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1])

interface Case {
  readonly player: PlayerKind
  readonly flags: readonly string[]
  readonly playlist: string
}

describe('kill -9 and a start again', () => {
  it.each<Case>([
    {
      player: 'hls.js-low-latency',
      flags: ['--low-latency'],
      playlist: '/live/stream_0/playlist.m3u8',
    },
    ...onlyLong<Case>({ player: 'hls.js', flags: [], playlist: '/live/stream.m3u8' }),
  ])(
    'is got over by $player without a reload, and no number goes back',
    async ({ player, flags, playlist }) => {
      const port = await freePort()
      const stateDir = bench.path(`state-${player}`)
      let sluice = await start(port, stateDir, flags)
      try {
        await sluice.onAir('one')
        await seconds(5)
        const stop = new AbortController()
        const seen = snapshots(sluice.address + playlist, stop.signal)
        const playing = await pages.play(player, `${sluice.address}/live/stream.m3u8`)
        await seconds(1)
        const playback = await playing.watch(async () => {
          await sluice.kill()
          sluice = await start(port, stateDir, flags)
          await sluice.onAir('one')
          await seconds(3 * SEGMENT_SECONDS)
        })
        await playing.untilPlaying()
        stop.abort()
        const texts = await seen
        expect(playback.fatal).toEqual([])
        const numbers = texts.map(mediaSequence)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
        expect(checkSnapshots(texts)).toEqual([])
        expect(texts.at(-1)).toContain('#EXT-X-DISCONTINUITY\n')
        await playing.page.close()
      } finally {
        await sluice.stop()
      }
    },
  )
})
