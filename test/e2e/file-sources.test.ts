import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAWLESS } from '../helpers/capture-verdict.ts'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { ffmpeg } from '../helpers/ffmpeg-tools.ts'
import { isLongForm } from '../helpers/long-form.ts'
import { audioSilences } from '../helpers/oracles.ts'
import type { RunningSluice } from '../helpers/running-sluice.ts'

const AVC = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -bf 2'

interface Recording {
  readonly name: string
  readonly size: string
  readonly rate: number
  readonly seconds: number
  readonly sampleRate?: number
  readonly code: string
  readonly conform: 'as_is' | 'transcoding'
}

/** Unlike in all that a source can be unlike in; each is looped within its test. */
const RECORDINGS: readonly Recording[] = [
  {
    name: 'avc.mp4',
    size: '320x180',
    rate: 25,
    seconds: 2,
    code: `${AVC} -c:a aac`,
    conform: 'transcoding',
  },
  {
    name: 'avc.mkv',
    size: '320x180',
    rate: 25,
    seconds: 3,
    code: `${AVC} -c:a mp2`,
    conform: 'transcoding',
  },
  {
    name: 'mp2-44.ts',
    size: '320x180',
    rate: 25,
    seconds: 2,
    sampleRate: 44_100,
    code: `${AVC} -c:a mp2`,
    conform: 'transcoding',
  },
  {
    name: 'sd.ts',
    size: '720x576',
    rate: 25,
    seconds: 2,
    code: '-c:v mpeg2video -flags +ildct+ilme -top 1 -b:v 2M -g 12 -bf 2 -c:a ac3',
    conform: 'transcoding',
  },
  {
    name: 'hevc.ts',
    size: '320x180',
    rate: 25,
    seconds: 2,
    code: '-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=25 -c:a aac',
    conform: 'transcoding',
  },
  {
    name: 'hd30.ts',
    size: '1280x720',
    rate: 30,
    seconds: 2,
    code: `${AVC} -c:a aac`,
    conform: 'transcoding',
  },
  {
    name: 'vp9.webm',
    size: '320x180',
    rate: 25,
    seconds: 2,
    code: '-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus',
    conform: 'as_is',
  },
]

const make = (path: string, { size, rate, seconds: length, sampleRate, code }: Recording): void => {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=600:sample_rate=${sampleRate ?? 48_000}`]
  ffmpeg(...picture, ...sound, ...code.split(' '), '-ac', '2', '-t', String(length), path)
}

/** Each another codec, scan or container; the others differ from the base as little as what other tests take. */
const SHORT_FORM: readonly string[] = ['sd.ts', 'hevc.ts', 'vp9.webm']
const VISITED = RECORDINGS.filter(({ name }) => isLongForm || SHORT_FORM.includes(name))

let bench: E2eBench
beforeAll(() => {
  bench = new E2eBench()
  for (const recording of RECORDINGS) make(bench.path(recording.name), recording)
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=320x180', '-frames:v', '1', bench.path('still.png'))
  ffmpeg('-f', 'lavfi', '-i', 'sine=440', '-t', '3', '-c:a', 'libmp3lame', bench.path('radio.mp3'))
  const silent = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x180:rate=25',
    '-t',
    '3',
    ...AVC.split(' '),
  ]
  ffmpeg(...silent, bench.path('silent.ts'))
})
afterAll(() => bench.close())

const BASE = 'base=test:?size=320x180&rate=25&bframes=2'

/** Takes the source, plays it over its joints, and takes the base again. */
const visit = async (sluice: RunningSluice, id: string, length: number): Promise<void> => {
  expect(await sluice.take(id)).toMatchObject({ ok: true, gapMs: 0 })
  await seconds(length)
  expect((await sluice.status()).program).toMatchObject({ onAir: id, videoFramesMissing: 0 })
  expect(await sluice.take('base')).toMatchObject({ ok: true, gapMs: 0 })
  await seconds(0.8)
}

describe('sluice run with sources of every kind, conform auto', () => {
  it('starts standby recordings of unlike formats when they are taken, and loops each without a flaw', async () => {
    const sources = VISITED.flatMap(({ name }) => ['-s', `${name}=${bench.path(name)}`])
    const sluice = await bench.sluice('-s', BASE, ...sources, '--ingest', 'standby')
    await sluice.onAir('base')
    const verdict = await bench.watch(sluice, { seconds: 3.5 * VISITED.length }, async () => {
      for (const { name, conform } of VISITED) {
        expect(await sluice.source(name)).toMatchObject({ state: 'stopped' })
        await visit(sluice, name, 3.2)
        expect(await sluice.source(name)).toMatchObject({ conform, restarts: 0 })
      }
    })
    expect(verdict).toEqual(FLAWLESS)
    expect((await sluice.status()).program).toMatchObject({ failovers: 0, videoFramesMissing: 0 })
  })

  it('keeps the sound of a clip of two seconds over its joints', async () => {
    const sluice = await bench.sluice('-s', BASE, '-s', `clip=${bench.path('hd30.ts')}`)
    await sluice.ready('base', 'clip')
    await sluice.take('clip')
    await seconds(1.5)
    const path = bench.path('joints.ts')
    const capture = await sluice.capture(path)
    await seconds(4.5)
    await capture.stop()
    expect(
      sluice.eventsOf('switched').filter(({ cause }) => cause === 'source_jump').length,
    ).toBeGreaterThan(1)
    expect(await audioSilences(path, 0.06)).toEqual([])
  })

  it('takes pictures, texts, patterns, silent pictures and sound alone, and returns from each', async () => {
    const others = {
      image: `image:${bench.path('still.png')}`,
      text: 'text:Back in five minutes',
      ...(isLongForm && {
        bars: 'bars:?size=320x180&rate=25',
        graph: 'lavfi:smptebars=size=320x180:rate=25',
      }),
      silent: bench.path('silent.ts'),
      radio: bench.path('radio.mp3'),
    }
    const sources = Object.entries(others).flatMap(([id, url]) => ['-s', `${id}=${url}`])
    const sluice = await bench.sluice('-s', BASE, ...sources, '--ingest', 'standby')
    await sluice.onAir('base')
    const verdict = await bench.watch(
      sluice,
      { seconds: 2 * Object.keys(others).length },
      async () => {
        for (const id of Object.keys(others)) await visit(sluice, id, 1.5)
      },
    )
    expect(verdict).toEqual(FLAWLESS)
  })

  it('refuses another codec under conform copy with the reason', async () => {
    const sluice = await bench.sluice('-s', BASE, '--conform', 'copy')
    // The format of the program is that of the first source.
    await sluice.onAir('base')
    await sluice.send('POST', '/sources', { id: 'old', url: bench.path('sd.ts') })
    await sluice.until(({ sources }) => sources[1]?.conform === 'refused')
    expect(await sluice.take('old')).toMatchObject({ ok: false, why: 'formats_differ' })
    expect(((await sluice.take('old')) as { message: string }).message).toMatch(
      /mpeg2video.*h264.*copy/,
    )
    expect((await sluice.status()).program.onAir).toBe('base')
  })

  it('brings a source of the same format through a transcoder under conform transcode', async () => {
    const sluice = await bench.sluice(
      '-s',
      BASE,
      '-s',
      'b=bars:?size=320x180&rate=25',
      '--conform',
      'transcode',
    )
    await sluice.ready('base', 'b')
    expect(await sluice.source('b')).toMatchObject({ conform: 'transcoding' })
    expect(await bench.watch(sluice, { seconds: 2.5 }, () => visit(sluice, 'b', 2))).toEqual(
      FLAWLESS,
    )
  })
})

describe('sluice run without pictures', () => {
  it('switches radio sources on the frame grid', async () => {
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'sine=880:sample_rate=48000',
      '-ac',
      '2',
      '-t',
      '2',
      '-c:a',
      'aac',
      bench.path('b.m4a'),
    )
    const sluice = await bench.sluice(
      ...[
        '-s',
        `a=${bench.path('radio.mp3')}`,
        '-s',
        `b=${bench.path('b.m4a')}`,
        '--format',
        'none',
        '--failover',
        'off',
      ],
    )
    await sluice.ready('a', 'b')
    await seconds(1.5)
    const path = bench.path('radio.ts')
    const capture = await sluice.capture(path)
    for (const id of ['b', 'a', 'b']) {
      await seconds(1.2)
      expect(await sluice.take(id)).toMatchObject({ ok: true, gapMs: 0 })
    }
    await seconds(1)
    await capture.stop()
    const streams = ['-v', 'error', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', path]
    const kinds = execFileSync('ffprobe', streams, { encoding: 'utf8' }).match(/\w+/g)
    expect([...new Set(kinds)]).toEqual(['audio'])
    // What coders put around a file's sound, at its joints, is below this.
    expect(await audioSilences(path, 0.15)).toEqual([])
  })
})
