import { createReadStream } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ticksOfMs } from '../../src/contract/time.ts'
import { RecordingFeed } from '../helpers/recording-feed.ts'
import { freeTcpPort, SourceBench } from '../helpers/source-bench.ts'
import { encodeArguments, encodeTsFile } from '../helpers/stream-builder.ts'

const run = promisify(execFile)
let all: SourceBench
beforeAll(async () => {
  all = await SourceBench.open()
})
afterAll(() => all.close())

/** A live encoder that writes to `output`. */
const live = (bench: SourceBench, output: readonly string[], seconds = 60) =>
  bench.run('ffmpeg', [
    ...encodeArguments({ seconds, size: '160x90', gop: 12 }, 'OUT', ['-re']).slice(0, -3),
    ...output,
  ])

const serve = async (
  bench: SourceBench,
  folder = bench.folder,
): Promise<{ port: number; server: Server }> => {
  const server = createServer((request, response) => {
    const path = join(folder, (request.url ?? '/').split('?')[0]!)
    createReadStream(path)
      .on('error', () => response.writeHead(404).end())
      .pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  bench.onClose(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return { port: address !== null && typeof address === 'object' ? address.port : 0, server }
}

describe.concurrent('a file source', () => {
  test('is played once without loop, and is then stopped', async (context) => {
    const bench = all.forTest(context)
    const path = await encodeTsFile({ seconds: 2 })
    const { reached, feed } = bench.source({ url: path, loop: false })
    expect(
      await reached(({ state, reason }) => state === 'stopped' && reason !== undefined),
    ).toEqual({
      state: 'stopped',
      reason: 'ended',
    })
    expect(feed.of('video')).toHaveLength(50)
    expect(feed.restarts).toEqual([])
  })

  test.for(['mp4', 'mkv', 'ts'])(
    'loops (%s): each round is whole, begins at a random access point, and is announced',
    async (kind, context) => {
      const bench = all.forTest(context)
      const path = join(bench.folder, `loop.${kind}`)
      await run('ffmpeg', [
        '-v',
        'error',
        '-y',
        '-i',
        await encodeTsFile({ seconds: 2 }),
        '-c',
        'copy',
        path,
      ])
      const { feed, source, told } = bench.source({ url: path })
      await feed.until(() => feed.restarts.length >= 3)
      const [first, second, third] = feed.restarts as [number, number, number]
      const rounds = [
        feed.units.slice(0, first),
        feed.units.slice(first, second),
        feed.units.slice(second, third),
      ]
      for (const round of rounds) {
        const video = round.filter((unit) => unit.kind === 'video')
        expect(video).toHaveLength(50)
        expect(video[0]!.rap).toBe('idr')
        expect(video.map(({ pts }) => pts)).toEqual(
          feed
            .of('video')
            .slice(0, 50)
            .map(({ pts }) => pts),
        )
      }
      expect(source.figures().restarts).toBe(0)
      expect(told.map(({ state }) => state)).toEqual(['starting', 'running'])
    },
  )

  test('is not read faster than there is room', async (context) => {
    const bench = all.forTest(context)
    const feed = new RecordingFeed()
    feed.credit = 100
    const path = await encodeTsFile({ seconds: 20, size: '640x360', videoBitrate: '2M' })
    const { source, told } = bench.source({ url: path }, { feed, limits: { noDataMs: 400 } })
    await feed.until(() => feed.units.length >= 100)
    const { bytes } = source.figures()
    // Three times the watchdog's patience: it must not take back-pressure for a hung reader.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(source.figures().bytes).toBe(bytes)
    expect(bytes).toBeLessThan(1_500_000)
    feed.give(Number.POSITIVE_INFINITY)
    await feed.until(() => feed.restarts.length > 0)
    expect(
      feed
        .of('video')
        .slice(0, 500)
        .map(({ dts }) => dts),
    ).toEqual(
      feed
        .of('video')
        .slice(0, 500)
        .map(({ dts }) => dts)
        .sort((a, b) => a - b),
    )
    expect(told.map(({ state }) => state)).toEqual(['starting', 'running'])
  })

  test('that is missing is waited for, and played when it appears', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'later.ts')
    const { reached, feed, told } = bench.source({ url: path, loop: false })
    const failure = await reached(({ state }) => state === 'waiting')
    expect(failure.reason).toContain('no such file')
    await copyFile(await encodeTsFile({ seconds: 1 }), path)
    await reached(({ state }) => state === 'running')
    expect(told.some(({ state }) => state === 'failed')).toBe(false)
    await feed.until(() => feed.of('video').length === 25)
  })

  test('that is not media says so, and is looked at again', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'noise.ts')
    await writeFile(
      path,
      Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n * 31) & 0xff)),
    )
    const { reached } = bench.source({ url: path })
    expect((await reached(({ state }) => state === 'waiting')).reason).toMatch(/not media/)
  })

  test('that is text is refused (FFmpeg would draw it as a terminal)', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'notes.txt')
    await writeFile(path, 'this is not a film\n'.repeat(1_000))
    const { reached } = bench.source({ url: path })
    expect((await reached(({ state }) => state === 'failed')).reason).toBe('it is text, not media')
  })

  test.for<[string, string[], string]>([
    [
      'vp9',
      ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'aac'],
      'mkv',
    ],
    ['mpeg4', ['-c:v', 'mpeg4', '-c:a', 'pcm_s16le'], 'mkv'],
    ['opus', ['-c:v', 'copy', '-c:a', 'libopus'], 'mkv'],
  ])(
    'with a codec that MPEG-TS can not carry (%s) is transcoded, or refused under copy',
    async ([name, codecs, kind], context) => {
      const bench = all.forTest(context)
      const path = join(bench.folder, `${name}.${kind}`)
      await run('ffmpeg', [
        '-v',
        'error',
        '-y',
        '-i',
        await encodeTsFile({ seconds: 2, size: '160x90' }),
        ...codecs,
        path,
      ])
      const auto = bench.source({ url: path })
      await auto.feed.until(
        () => auto.feed.of('video').length >= 25 && auto.feed.of('audio').length >= 40,
      )
      const codecOf = (kindOf: 'width' | 'channels') =>
        auto.feed.formats.filter(({ format }) => kindOf in format).map(({ format }) => format.codec)
      expect(codecOf('width').at(-1)).toBe('h264')
      expect(codecOf('channels').at(-1)).toBe('aac')
      const strict = bench.source({ url: path, recipe: 'copy' })
      const { reason } = await strict.reached(({ state }) => state === 'failed')
      expect(reason).toContain("can't be carried in MPEG-TS; use recipe transcode or auto")
    },
  )
})

describe.concurrent('a live source', () => {
  test('whose ffmpeg is killed comes back with another process', async (context) => {
    const bench = all.forTest(context)
    const { source, feed, reached, told } = bench.source(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { limits: { healthyMs: 500 } },
    )
    await feed.until(() => feed.of('video').length > 50)
    const { pid } = source.figures()
    const killedAt = performance.now()
    process.kill(-pid!, 'SIGKILL')
    const waiting = await reached(({ state }) => state === 'waiting')
    expect(waiting.reason).toBe('ended by SIGKILL')
    expect(waiting.retryInMs).toBeGreaterThanOrEqual(100)
    expect(waiting.retryInMs).toBeLessThanOrEqual(250)
    const before = feed.units.length
    await feed.until(() => feed.units.length > before)
    expect(performance.now() - killedAt).toBeLessThan(3_000)
    expect(source.figures().pid).not.toBe(pid)
    expect(source.figures().restarts).toBe(1)
    expect(feed.restarts).toEqual([before])
    expect(told.map(({ state }) => state)).toEqual([
      'starting',
      'running',
      'waiting',
      'starting',
      'running',
    ])
  })

  test('whose ffmpeg hangs is restarted by the watchdog', async (context) => {
    const bench = all.forTest(context)
    const { source, feed, reached } = bench.source(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { limits: { noDataMs: 1_000 } },
    )
    await feed.until(() => feed.of('video').length > 10)
    const pid = source.figures().pid!
    process.kill(-pid, 'SIGSTOP')
    expect((await reached(({ state }) => state === 'waiting')).reason).toBe('no data for 1000 ms')
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    const before = feed.units.length
    await feed.until(() => feed.units.length > before)
  })

  test('leaves no process behind when it is stopped', async (context) => {
    const bench = all.forTest(context)
    const { source, feed, stop } = bench.source({ url: 'bars:?size=160x90&preset=ultrafast' })
    await feed.until(() => feed.of('audio').length > 5 && feed.of('video').length > 5)
    const pid = source.figures().pid!
    await stop()
    expect(() => process.kill(-pid, 0)).toThrow('ESRCH')
  })

  test.for<[string, string]>([
    ['text:Back%20soon?size=160x90', 'h264'],
    ['lavfi:testsrc2=size=160x90:rate=25', 'h264'],
    ['color:red?size=160x90&vcodec=mpeg2video', 'mpeg2video'],
  ])('%s yields pictures in %s, in real time', async ([url, codec], context) => {
    const bench = all.forTest(context)
    const { feed } = bench.source({ url })
    await feed.until(() => feed.of('video').length > 1)
    const start = performance.now()
    const before = feed.of('video').length
    await feed.until(() => feed.of('video').length >= before + 25)
    expect(performance.now() - start).toBeGreaterThan(700)
    expect(feed.formats.find(({ format }) => 'width' in format)?.format.codec).toBe(codec)
  })

  test('a standby source starts when it is told to', async (context) => {
    const bench = all.forTest(context)
    const { source, feed, told } = bench.source(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { wanted: 'stop' },
    )
    expect([told.length, source.figures().pid]).toEqual([0, undefined])
    const asked = performance.now()
    source.start()
    await feed.until(() => feed.of('video').some(({ rap: entry }) => entry === 'idr'))
    expect(performance.now() - asked).toBeLessThan(5_000)
  })
})

describe.concurrent('a network source', () => {
  test('HTTP: a transport stream, whose end is a failure', async (context) => {
    const bench = all.forTest(context)
    await copyFile(await encodeTsFile({ seconds: 2 }), join(bench.folder, 'live.ts'))
    const { port } = await serve(bench)
    const { feed, reached } = bench.source({ url: `http://127.0.0.1:${port}/live.ts` })
    expect(await reached(({ state }) => state === 'waiting')).toMatchObject({
      reason: 'the stream ended',
    })
    expect(feed.of('video').length).toBeGreaterThanOrEqual(49)
  })

  test('HTTP: a recording is paced by its reader', async (context) => {
    const bench = all.forTest(context)
    await run('ffmpeg', [
      '-v',
      'error',
      '-y',
      '-i',
      await encodeTsFile({ seconds: 20, size: '640x360', videoBitrate: '2M' }),
      '-c',
      'copy',
      '-movflags',
      '+faststart',
      join(bench.folder, 'film.mp4'),
    ])
    const { port } = await serve(bench)
    const feed = new RecordingFeed()
    feed.credit = 50
    const { source } = bench.source({ url: `http://127.0.0.1:${port}/film.mp4` }, { feed })
    await feed.until(() => feed.units.length >= 50)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(source.figures().bytes).toBeLessThan(1_500_000)
  })

  test('HTTP: what is not there is said', async (context) => {
    const bench = all.forTest(context)
    const { port } = await serve(bench)
    const { reached } = bench.source({ url: `http://127.0.0.1:${port}/gone.ts?token=hush` })
    const { reason } = await reached(({ state }) => state === 'waiting')
    expect(reason).toContain('404')
    expect(reason).not.toContain('hush')
  })

  test('HLS: a live playlist comes in bursts without an end', async (context) => {
    const bench = all.forTest(context)
    const folder = join(bench.folder, 'hls')
    await mkdir(folder, { recursive: true })
    live(bench, ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '5', join(folder, 'live.m3u8')])
    const { port } = await serve(bench, folder)
    const { feed } = bench.source({ url: `http://127.0.0.1:${port}/live.m3u8` })
    await feed.until(() => feed.of('video').length > 75)
    const video = feed.of('video')
    expect(video.every(({ dts }, n) => n === 0 || dts > video[n - 1]!.dts)).toBe(true)
    expect(video[0]!.rap).toBe('idr')
  })

  test('HLS: a recorded playlist is paced by its reader, and loops', async (context) => {
    const bench = all.forTest(context)
    const folder = join(bench.folder, 'vod')
    await mkdir(folder, { recursive: true })
    await run('ffmpeg', [
      '-v',
      'error',
      '-y',
      '-i',
      await encodeTsFile({ seconds: 4, gop: 25 }),
      '-c',
      'copy',
      '-f',
      'hls',
      '-hls_time',
      '1',
      '-hls_list_size',
      '0',
      join(folder, 'film.m3u8'),
    ])
    const { port } = await serve(bench, folder)
    const { feed, told } = bench.source({ url: `http://127.0.0.1:${port}/film.m3u8` })
    await feed.until(() => feed.restarts.length >= 1)
    expect(
      feed.units.slice(0, feed.restarts[0]).filter(({ kind }) => kind === 'video'),
    ).toHaveLength(100)
    expect(told.map(({ state }) => state)).toEqual(['starting', 'running'])
  })

  test('RTMP listener: waits for its publisher, and for the next one', async (context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const { feed, reached } = bench.source(
      { url: `rtmp-listen://127.0.0.1:${port}/live/cam` },
      { limits: { noDataMs: 700 } },
    )
    await reached(({ state }) => state === 'starting')
    // Longer than the watchdog would wait: nobody has come yet, and that is no fault.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const first = live(bench, ['-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam`])
    await feed.until(() => feed.of('video').length > 10 && feed.of('audio').length > 10)
    await first.stop()
    await reached(({ state }) => state === 'waiting')
    const before = feed.units.length
    await reached(({ state }) => state === 'starting')
    const publish = async (): Promise<void> => {
      for (let n = 0; n < 20 && feed.units.length === before; n++) {
        const next = live(bench, ['-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam`])
        await new Promise((resolve) => setTimeout(resolve, 1_500))
        if (feed.units.length === before) await next.stop()
      }
    }
    await publish()
    await feed.until(() => feed.units.length > before)
  })

  test.for(['caller', 'listener'] as const)('SRT %s', async (role, context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const peer = role === 'caller' ? 'listener' : 'caller'
    const url = (mode: string) => `srt://127.0.0.1:${port}?mode=${mode}&latency=50000`
    const { feed, source } = bench.source({ url: url(role) })
    const connect = async (): Promise<void> => {
      for (let n = 0; n < 10 && feed.units.length === 0; n++) {
        const other = live(bench, ['-f', 'mpegts', url(peer)])
        await Promise.race([
          feed.until(() => feed.units.length > 0),
          new Promise((resolve) => setTimeout(resolve, 4_000)),
        ])
        if (feed.units.length === 0) await other.stop()
      }
    }
    await connect()
    await feed.until(() => feed.of('video').length > 20)
    expect(source.figures()).toMatchObject({ continuityErrors: null, lostPackets: 0 })
  })
})

describe('a specification that cannot work', () => {
  test.each([
    [
      { url: 'gopher://user:secret@example.org/x' },
      'unsupported_url',
      /gopher:\/\/user:\*\*\*@example\.org.*is not supported/,
    ],
    [{ url: 'udp://127.0.0.1' }, 'unsupported_url', /must look like udp:\/\/host:port/],
    [{ url: 'test:?size=huge' }, 'option_refused', /size="huge"/],
    [{ url: 'x.ts', inputOptions: { dump_attachment: 'x' } }, 'option_refused', /dump_attachment/],
  ])('%o is refused with %s', (spec, code, message) => {
    const open = () => all.source(spec)
    expect(open).toThrow(message)
    expect(open).toThrow(expect.objectContaining({ code }))
  })

  test('udp can be left to FFmpeg', async (context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const { feed, source } = bench.source({ url: `udp://127.0.0.1:${port}?reader=ffmpeg` })
    live(bench, ['-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`])
    await feed.until(() => feed.of('video').length > 10)
    expect(source.figures().pid).toBeGreaterThan(0)
  })
})

test('source times pass through FFmpeg as they are', async (context) => {
  const bench = all.forTest(context)
  const startPts = 123_456_789
  const path = await encodeTsFile({ seconds: 1, startPts })
  const { feed } = bench.source({ url: path, loop: false })
  await feed.until(() => feed.of('video').length === 25)
  expect(
    feed
      .of('video')
      .map(({ pts }) => pts)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: 25 }, (_, n) => startPts + n * ticksOfMs(40)))
})
