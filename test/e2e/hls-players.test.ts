import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { checkMediaPlaylist } from '../helpers/hls-validator.ts'
import { isLongForm, onlyLong } from '../helpers/long-form.ts'
import { PlayerPages, type PlayerKind } from '../helpers/player-page.ts'
import type { RunningSluice } from '../helpers/running-sluice.ts'
import { until } from '../helpers/until.ts'

/** The longest form is `bin/bench players`. */
const TAKES = isLongForm ? 4 : 2
const UNLIKE = [
  ...['-s', 'one=test:?size=320x180&rate=25&bframes=2'],
  ...['-s', 'two=bars:?size=160x90&rate=30'],
  ...['-s', 'three=text:Third source?size=320x180&rate=25'],
  ...['--hls-segment-time', '2'],
]
const HLS = '/live/stream.m3u8'
const DASH = '/live/stream.mpd'
const BOTH = ['-o', 'hls:', '-o', 'dash:']

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

/** Segments of a playlist that can be played. */
const segmentsOf = async (url: string): Promise<number> => {
  const answer = await fetch(url)
  return answer.ok ? ((await answer.text()).match(/#EXTINF/g)?.length ?? 0) : 0
}

let running: { readonly flags: readonly string[]; readonly sluice: RunningSluice } | undefined

/** Sluice with these outputs and some segments; the one of the test before where it has the same. */
const listing = async (flags: readonly string[]): Promise<RunningSluice> => {
  if (running?.flags === flags) return running.sluice
  const sluice = await bench.sluice(...UNLIKE, ...flags)
  running = { flags, sluice }
  await sluice.ready('one', 'two', 'three')
  const url =
    sluice.address + (flags.includes('--low-latency') ? '/live/stream_0/playlist.m3u8' : HLS)
  if (flags.includes('hls:')) {
    await until(async () => (await segmentsOf(url)) >= 4, { what: 'four segments are listed' })
  }
  return sluice
}

const takes = async (sluice: RunningSluice): Promise<void> => {
  for (let i = 0; i < TAKES; i++) {
    expect(await sluice.take(['two', 'three', 'one'][i % 3]!)).toMatchObject({ ok: true })
    await seconds(1.3)
  }
  await seconds(3)
}

interface Watched {
  readonly player: PlayerKind
  readonly path: string
  /** Media seconds per second, at most: above 1 until it has caught up with the live edge. Default 1.1. */
  readonly maxRate?: number
}

interface Case {
  readonly names: string
  readonly flags: readonly string[]
  readonly players: readonly Watched[]
}

/** In the short form players of one output watch the same takes side by side. */
const CASES: readonly Case[] = [
  {
    names: 'hls.js, Chromium and dash.js',
    flags: BOTH,
    players: [
      { player: 'hls.js', path: HLS },
      { player: 'native', path: HLS },
      { player: 'dash.js', path: DASH },
    ],
  },
  {
    names: 'hls.js with low latency',
    flags: ['-o', 'hls:', '--low-latency'],
    players: [{ player: 'hls.js-low-latency', path: HLS, maxRate: 1.5 }],
  },
  ...onlyLong<Case>(
    { names: 'hls.js', flags: ['-o', 'hls:'], players: [{ player: 'hls.js', path: HLS }] },
    { names: 'native', flags: ['-o', 'hls:'], players: [{ player: 'native', path: HLS }] },
    { names: 'dash.js', flags: ['-o', 'dash:'], players: [{ player: 'dash.js', path: DASH }] },
  ),
]

describe('players of other makes', () => {
  it('FFmpeg and VLC play HLS over takes without a complaint', async () => {
    const sluice = await listing(BOTH)
    const url = `${sluice.address}${HLS}`
    const nobody = ['--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', 'env', 'HOME=/tmp']
    const vlc = 'cvlc -q -I dummy --vout dummy --aout dummy --run-time 5 --play-and-exit'
    const players = {
      ffmpeg: bench.program('ffmpeg', [
        ...['-v', 'error', '-nostdin', '-i', url, '-t', '5', '-f', 'null', '-'],
      ]),
      vlc: bench.program('setpriv', [...nobody, ...vlc.split(' '), url, 'vlc://quit']),
    }
    for (const id of ['two', 'three', 'one']) {
      await seconds(1.5)
      await sluice.take(id)
    }
    expect(await players.ffmpeg.ended).toBe(0)
    expect(players.ffmpeg.output()).toBe('')
    expect(await players.vlc.ended).toBe(0)
    expect(players.vlc.output()).not.toMatch(/error|discontinuity|late/i)
  })
})

describe('players in Chromium', () => {
  it.each(CASES)(
    '$names: $flags is played over takes between unlike sources, in real time and without a fatal error',
    async ({ flags, players }) => {
      const sluice = await listing(flags)
      const playing = await Promise.all(
        players.map(({ player, path }) => pages.play(player, sluice.address + path)),
      )
      await seconds(1)
      const during = takes(sluice)
      const playbacks = await Promise.all(playing.map((page) => page.watch(() => during)))
      for (const [index, { fatal, rate, longestStallMs }] of playbacks.entries()) {
        expect(fatal).toEqual([])
        // Chromium's own player stands for two pictures where the decoder is set up anew; a busy machine adds to that: `bin/bench players` has the figures.
        expect(rate).toBeGreaterThan(0.75)
        expect(rate).toBeLessThanOrEqual(players[index]!.maxRate ?? 1.1)
        expect(longestStallMs).toBeLessThan(4_000)
      }
      await Promise.all(playing.map(({ page }) => page.close()))
    },
  )
})

describe('a source with random access points further apart than a segment may last', () => {
  it('is transcoded under auto, and cut without independence under copy', async () => {
    const film = bench.path('long-groups.ts')
    const made = bench.program('ffmpeg', [
      ...'-v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine'.split(' '),
      ...'-t 24 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 100 -keyint_min 100'.split(' '),
      ...['-sc_threshold', '0', '-c:a', 'aac', film],
    ])
    expect(await made.ended).toBe(0)
    const hls = ['-o', 'hls:', '--hls-segment-time', '2']
    let sluice = await bench.sluice('-s', 'live=test:?size=320x180&rate=25&gop=100', ...hls)
    await sluice.onAir('live')
    await sluice.until(({ sources }) => sources[0]?.conform === 'transcoding')
    expect((await sluice.source('live')).conformReason).toMatch(
      /random access points further apart/,
    )
    await seconds(3)
    // It played on as it was until the transcoder had something.
    expect(sluice.eventsOf('switched').map(({ to }) => to)).not.toContain('slate')
    sluice = await bench.sluice('-s', `film=${film}`, ...hls, '--conform', 'copy')
    await sluice.onAir('film')
    const list = `${sluice.address}${HLS}`
    await until(async () => (await segmentsOf(list)) >= 4, { what: 'four segments are listed' })
    const playlist = await (await fetch(list)).text()
    expect(checkMediaPlaylist(playlist)).toEqual([])
    expect(playlist).toContain('#EXT-X-TARGETDURATION:2\n')
    expect(playlist).not.toContain('INDEPENDENT-SEGMENTS')
    expect((await sluice.source('film')).conform).toBe('as_is')
  })
})
