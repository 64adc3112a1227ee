import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { readMaster, readMedia, type ReadMedia } from '../helpers/hls-reading.ts'
import {
  checkMasterPlaylist,
  checkMediaPlaylist,
  checkSnapshots,
} from '../helpers/hls-validator.ts'
import { RunningSluice } from '../helpers/running-sluice.ts'
import { until } from '../helpers/until.ts'

const SOURCES = [
  ...['-s', 'one=test:?size=320x180&rate=25&bframes=2'],
  ...['-s', 'two=bars:?size=320x180&rate=25'],
  ...['-s', 'three=text:Third source?size=160x90&rate=25'],
  ...['--failover', 'off', '--hls-segment-time', '2'],
]
const LADDER = {
  ABR_PRESET: 'ultrafast',
  ABR_VARIANTS: JSON.stringify([
    { height: 720, videoBitrate: '2M', audioBitrate: '128k' },
    { height: 120, videoBitrate: '200k', audioBitrate: '64k' },
    { height: 90, videoBitrate: '100k', audioBitrate: '48k' },
  ]),
}

let bench: E2eBench
beforeAll(() => {
  bench = new E2eBench()
})
afterAll(() => bench.close())

/** A running Sluice, as one who reads its playlists sees it. */
class Viewed {
  readonly sluice: RunningSluice

  constructor(sluice: RunningSluice) {
    this.sluice = sluice
  }

  async textOf(path: string): Promise<string> {
    const answer = await fetch(this.sluice.address + path)
    if (!answer.ok) throw new Error(`${path}: ${answer.status}\n${this.sluice.output}`)
    return answer.text()
  }

  /** The playlist, once it is there and as it should be. */
  async until(path: string, holds: (media: ReadMedia) => boolean): Promise<ReadMedia> {
    let media: ReadMedia | undefined
    const found = async (): Promise<boolean> => {
      const answer = await fetch(this.sluice.address + path)
      media = answer.ok ? readMedia(await answer.text()) : undefined
      return media !== undefined && holds(media)
    }
    const what = (): string => `${path} is as it should be\n${this.sluice.output}`
    await until(found, { what, timeoutMs: 40_000 })
    return media!
  }

  listed(path: string, count: number): Promise<ReadMedia> {
    return this.until(path, ({ segments }) => segments.length >= count)
  }

  async takes(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      expect(await this.sluice.take(id)).toMatchObject({ ok: true })
      await seconds(1.3)
    }
  }

  /** What ffmpeg complains about while it plays for so long, beginning with the oldest segment. */
  async complaints(path: string, length: number): Promise<string[]> {
    const quiet = ['-nostdin', '-hide_banner', '-v', 'error', '-live_start_index', '0']
    const own = ['-fps_mode', 'passthrough', '-enc_time_base', '-1', '-copyts']
    const player = bench.program('ffmpeg', [
      ...[...quiet, '-i', this.sluice.address + path, '-t', String(length)],
      ...['-map', '0:v?', '-map', '0:a?', ...own, '-f', 'null', '-'],
    ])
    expect(await player.ended).toBe(0)
    return player
      .output()
      .split('\n')
      .filter((line) => line.trim() !== '')
  }
}

const start = async (
  { onTestFinished }: TestContext,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly stateDir?: string } = {},
): Promise<Viewed> => {
  const sluice = await RunningSluice.start({
    main: bench.main,
    args: [...SOURCES, ...args],
    stateDir: options.stateDir ?? mkdtempSync(join(bench.folder, 'state-')),
    ...(options.env === undefined ? {} : { env: options.env }),
  })
  onTestFinished(async () => void (await sluice.stop()))
  await sluice.ready('one', 'two', 'three')
  return new Viewed(sluice)
}

/** Sound begins with its own first frame behind the boundary. */
const AUDIO_FRAME_MS = 25

/** What several playlists have in common looks alike in all of them. */
const sameGrid = ([first, ...others]: readonly ReadMedia[]): void => {
  const expected = new Map(first!.segments.map((segment) => [segment.number, segment]))
  for (const { segments } of others) {
    const common = segments.filter(({ number }) => expected.has(number))
    expect(common.length).toBeGreaterThan(1)
    for (const { number, programDateTime, discontinuity } of common) {
      const like = expected.get(number)!
      expect([number, discontinuity]).toEqual([number, like.discontinuity])
      expect(programDateTime! - like.programDateTime!).toBeGreaterThan(-1)
      expect(programDateTime! - like.programDateTime!).toBeLessThan(AUDIO_FRAME_MS)
    }
  }
}

/** Index of the first gap, and of the first segment with media behind it; -1 where there is none. */
const interruptionIn = (segments: ReadMedia['segments']): { lost: number; back: number } => {
  const lost = segments.findIndex(({ gap }) => gap)
  return { lost, back: segments.findIndex(({ gap }, at) => lost >= 0 && at > lost && !gap) }
}

describe('hls:', () => {
  it('plays over takes between unlike sources, and goes on after kill -9 with higher numbers and a discontinuity', async (context) => {
    const stateDir = mkdtempSync(join(bench.folder, 'state-'))
    let viewed = await start(context, ['-o', 'hls:'], { stateDir })
    const path = '/live/stream.m3u8'
    await viewed.listed(path, 2)
    const playing = viewed.complaints(path, 10)
    await viewed.takes('two', 'three', 'one')
    expect(await playing).toEqual([])
    const before = await viewed.textOf(path)
    expect(checkMediaPlaylist(before)).toEqual([])
    expect(before).toContain('#EXT-X-INDEPENDENT-SEGMENTS')
    expect(before).not.toContain('#EXT-X-DISCONTINUITY\n')
    expect((await viewed.sluice.status()).outputs).toMatchObject([
      { kind: 'hls', state: 'running', skips: 0, errors: 0, details: { container: 'ts' } },
    ])
    await viewed.sluice.kill()

    viewed = await start(context, ['-o', 'hls:'], { stateDir })
    const count = readMedia(before).segments.length
    await viewed.listed(path, count + 2)
    const after = await viewed.textOf(path)
    expect(checkMediaPlaylist(after)).toEqual([])
    expect(checkSnapshots([before, after])).toEqual([])
    expect(readMedia(after).segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1)
    expect(await viewed.complaints(path, 8)).toEqual([])
  })

  it('in fragmented MP4 with parts shares its segments with dash:, over takes', async (context) => {
    const stateDir = mkdtempSync(join(bench.folder, 'state-'))
    let viewed = await start(context, ['-o', 'hls:', '-o', 'dash:', '--low-latency'], { stateDir })
    await viewed.listed('/live/stream_0/playlist.m3u8', 2)
    await viewed.takes('two', 'three', 'one')
    await seconds(2)
    const pictures = await viewed.textOf('/live/stream_0/playlist.m3u8')
    const sounds = await viewed.textOf('/live/audio_0/playlist.m3u8')
    const master = await viewed.textOf('/live/stream.m3u8')
    for (const media of [pictures, sounds]) expect(checkMediaPlaylist(media)).toEqual([])
    const named = new Map([
      ['stream_0/playlist.m3u8', pictures],
      ['audio_0/playlist.m3u8', sounds],
    ])
    expect(checkMasterPlaylist(master, named)).toEqual([])
    sameGrid([readMedia(pictures), readMedia(sounds)])
    expect(await viewed.complaints('/live/stream.m3u8', 6)).toEqual([])

    const mpd = await viewed.textOf('/channels/main/dash/manifest.mpd')
    const [, initial, media] = /initialization="([^"]+)" media="([^"]+)"/.exec(mpd) ?? []
    const number = readMedia(pictures).segments.at(-2)!.number
    for (const template of [initial!, media!]) {
      const file = template
        .replace('$RepresentationID$', 'stream_0')
        .replace('$Number$', String(number))
      const answer = await fetch(`${viewed.sluice.address}/channels/main/dash/${file}`)
      expect([file, answer.status]).toEqual([file, 200])
    }
    const { outputs } = await viewed.sluice.status()
    expect(outputs.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'hls running',
      'dash running',
    ])
    expect(outputs[0]!.details!['storedBytes']).toBe(outputs[1]!.details!['storedBytes'])
    await viewed.sluice.kill()

    viewed = await start(context, ['-o', 'hls:', '-o', 'dash:', '--low-latency'], { stateDir })
    await viewed.until('/live/stream_0/playlist.m3u8', ({ segments }) => {
      const back = segments.findIndex(({ discontinuity }) => discontinuity)
      return back >= 0 && segments.length > back + 1
    })
    const periods = (await viewed.textOf('/live/stream.mpd')).split('<Period ').slice(1)
    // What the run before left, in as many periods as it had formats, and what this one adds.
    expect(periods.length).toBeGreaterThan(1)
    for (const period of periods) {
      expect(period.match(/codecs="[a-z0-9]+/g)).toEqual(['codecs="avc1', 'codecs="mp4a'])
    }
    expect(periods[0]!.split('"')[1]).toBe(mpd.split('<Period ')[1]!.split('"')[1])
  })

  it('with a ladder: one grid; when the encoder is killed, gaps, then a discontinuity in every rung at one number', async (context) => {
    const viewed = await start(context, ['-o', 'hls:', '--hls-mode', 'abr'], { env: LADDER })
    const paths = ['stream_0', 'stream_1', 'stream_2', 'stream_3'].map(
      (name) => `/live/${name}/playlist.m3u8`,
    )
    for (const path of paths) await viewed.listed(path, 2)
    const master = readMaster(await viewed.textOf('/live/stream.m3u8'))
    expect(master.variants.map(({ attributes }) => attributes.get('RESOLUTION'))).toEqual([
      ...['320x180', '214x120', '160x90'],
      undefined,
    ])
    const { outputs } = await viewed.sluice.status()
    const encoder = Number(outputs[0]!.details!['encoderPid'])
    expect(viewed.sluice.children()).toContain(encoder)
    process.kill(encoder, 'SIGKILL')
    await viewed.until(paths[1]!, ({ segments }) => {
      const { back } = interruptionIn(segments)
      return back >= 0 && segments.length > back + 1
    })
    await viewed.takes('three', 'one')
    await seconds(3)
    const texts = await Promise.all(paths.map((path) => viewed.textOf(path)))
    for (const text of texts) expect(checkMediaPlaylist(text)).toEqual([])
    const lists = texts.map((text) => readMedia(text))
    sameGrid(lists)
    expect(lists[0]!.segments.filter(({ gap }) => gap)).toEqual([])
    for (const rung of lists.slice(1, 3)) {
      // As many gaps as a busy machine needs for an encoder.
      const { lost, back } = interruptionIn(rung.segments)
      expect(back).toBeGreaterThan(lost)
      const restarts = rung.segments.slice(lost, back + 1)
      expect(restarts.some(({ discontinuity }) => discontinuity)).toBe(true)
    }
    const named = new Map(texts.map((text, i) => [`stream_${i}/playlist.m3u8`, text]))
    expect(checkMasterPlaylist(await viewed.textOf('/live/stream.m3u8'), named)).toEqual([])
    for (const path of paths) expect(await viewed.complaints(path, 8)).toEqual([])
    expect((await viewed.sluice.status()).outputs[0]).toMatchObject({
      reconnects: 1,
      details: { rungs: 'stream_1 120p, stream_2 90p', leftOut: '720p' },
    })
  })
})
