import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { checkMediaPlaylist } from '../helpers/hls-validator.ts'
import { PlayerPages, type PlayerKind } from '../helpers/player-page.ts'
import type { RunningSluice } from '../helpers/running-sluice.ts'

/** The long form is `bin/bench players`. */
const TAKES = 4
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
  await seconds(3)
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
      await seconds(5)
      const playing = await pages.play(player, sluice.address + path)
      await seconds(1)
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

describe('players of other makes', () => {
  it('FFmpeg and VLC play HLS over takes without a complaint', async () => {
    const sluice = await bench.sluice(...UNLIKE, ...['-o', 'hls:', '--hls-segment-time', '2'])
    await sluice.ready('one', 'two', 'three')
    await seconds(5)
    const url = `${sluice.address}/live/stream.m3u8`
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
    expect(players.ffmpeg.said()).toBe('')
    expect(await players.vlc.ended).toBe(0)
    expect(players.vlc.said()).not.toMatch(/error|discontinuity|late/i)
  })
})

describe('a source with key frames further apart than a segment may last', () => {
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
    expect((await sluice.source('live')).conformReason).toMatch(/key frames further apart/)
    await seconds(3)
    // It played on as it was until the transcoder had something.
    expect(sluice.told('switched').map(({ to }) => to)).not.toContain('slate')
    sluice = await bench.sluice('-s', `film=${film}`, ...hls, '--conform', 'copy')
    await sluice.onAir('film')
    await seconds(9)
    const playlist = await (await fetch(`${sluice.address}/live/stream.m3u8`)).text()
    expect(checkMediaPlaylist(playlist)).toEqual([])
    expect(playlist).toContain('#EXT-X-TARGETDURATION:2\n')
    expect(playlist).not.toContain('INDEPENDENT-SEGMENTS')
    expect((await sluice.source('film')).conform).toBe('as_is')
  })
})
