import { createReadStream } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ticksOfMs } from '../../src/contract/time.ts'
import { CollectingSink } from '../helpers/collecting-sink.ts'
import { freeTcpPort, SourceBench } from '../helpers/source-bench.ts'
import { encodeArguments, encodeTsFile } from '../helpers/stream-builder.ts'

const run = promisify(execFile)
let all: SourceBench
beforeAll(async () => {
  all = await SourceBench.create()
})
afterAll(() => all.close())

/** A live encoder that writes to `output`. */
const live = (bench: SourceBench, output: readonly string[], seconds = 60) =>
  bench.runProgram('ffmpeg', [
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
    const { reached, sink } = bench.runSource({ url: path, loop: false })
    expect(
      await reached(({ state, reason }) => state === 'stopped' && reason !== undefined),
    ).toEqual({
      state: 'stopped',
      reason: 'ended',
    })
    expect(sink.unitsOf('video')).toHaveLength(50)
    expect(sink.restarts).toEqual([])
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
      const { sink, source, transitions } = bench.runSource({ url: path })
      await sink.until(() => sink.restarts.length >= 3)
      const [first, second, third] = sink.restarts as [number, number, number]
      const rounds = [
        sink.units.slice(0, first),
        sink.units.slice(first, second),
        sink.units.slice(second, third),
      ]
      for (const round of rounds) {
        const video = round.filter((unit) => unit.kind === 'video')
        expect(video).toHaveLength(50)
        expect(video[0]!.rap).toBe('idr')
        expect(video.map(({ pts }) => pts)).toEqual(
          sink
            .unitsOf('video')
            .slice(0, 50)
            .map(({ pts }) => pts),
        )
      }
      expect(source.figures().restarts).toBe(0)
      expect(transitions.map(({ state }) => state)).toEqual(['starting', 'running'])
    },
  )

  test('is not read faster than there is room', async (context) => {
    const bench = all.forTest(context)
    const sink = new CollectingSink()
    sink.credit = 100
    const path = await encodeTsFile({ seconds: 20, size: '640x360', videoBitrate: '2M' })
    const { source, transitions } = bench.runSource(
      { url: path },
      { sink, limits: { noDataMs: 400 } },
    )
    await sink.until(() => sink.units.length >= 100)
    const { bytes } = source.figures()
    // Three times the watchdog's patience: it must not take back-pressure for a hung reader.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(source.figures().bytes).toBe(bytes)
    expect(bytes).toBeLessThan(1_500_000)
    sink.setCredit(Number.POSITIVE_INFINITY)
    await sink.until(() => sink.restarts.length > 0)
    expect(
      sink
        .unitsOf('video')
        .slice(0, 500)
        .map(({ dts }) => dts),
    ).toEqual(
      sink
        .unitsOf('video')
        .slice(0, 500)
        .map(({ dts }) => dts)
        .sort((a, b) => a - b),
    )
    expect(transitions.map(({ state }) => state)).toEqual(['starting', 'running'])
  })

  test('that is missing is waited for, and played when it appears', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'later.ts')
    const { reached, sink, transitions } = bench.runSource({ url: path, loop: false })
    const failure = await reached(({ state }) => state === 'waiting')
    expect(failure.reason).toContain('no such file')
    await copyFile(await encodeTsFile({ seconds: 1 }), path)
    await reached(({ state }) => state === 'running')
    expect(transitions.some(({ state }) => state === 'failed')).toBe(false)
    await sink.until(() => sink.unitsOf('video').length === 25)
  })

  test('that is not media says so, and is looked at again', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'noise.ts')
    await writeFile(
      path,
      Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n * 31) & 0xff)),
    )
    const { reached } = bench.runSource({ url: path })
    expect((await reached(({ state }) => state === 'waiting')).reason).toMatch(/not media/)
  })

  test('that is text is refused (FFmpeg would draw it as a terminal)', async (context) => {
    const bench = all.forTest(context)
    const path = join(bench.folder, 'notes.txt')
    await writeFile(path, 'this is not a film\n'.repeat(1_000))
    const { reached } = bench.runSource({ url: path })
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
      const auto = bench.runSource({ url: path })
      await auto.sink.until(
        () => auto.sink.unitsOf('video').length >= 25 && auto.sink.unitsOf('audio').length >= 40,
      )
      const codecOf = (kindOf: 'width' | 'channels') =>
        auto.sink.formats.filter(({ format }) => kindOf in format).map(({ format }) => format.codec)
      expect(codecOf('width').at(-1)).toBe('h264')
      expect(codecOf('channels').at(-1)).toBe('aac')
      const strict = bench.runSource({ url: path, recipe: 'copy' })
      const { reason } = await strict.reached(({ state }) => state === 'failed')
      expect(reason).toContain("can't be carried in MPEG-TS; use recipe transcode or auto")
    },
  )
})

describe.concurrent('a live source', () => {
  test('whose ffmpeg is killed comes back with another process', async (context) => {
    const bench = all.forTest(context)
    const { source, sink, reached, transitions } = bench.runSource(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { limits: { healthyMs: 500 } },
    )
    await sink.until(() => sink.unitsOf('video').length > 50)
    const { pid } = source.figures()
    const killedAt = performance.now()
    process.kill(-pid!, 'SIGKILL')
    const waiting = await reached(({ state }) => state === 'waiting')
    expect(waiting.reason).toBe('ended by SIGKILL')
    expect(waiting.retryInMs).toBeGreaterThanOrEqual(100)
    expect(waiting.retryInMs).toBeLessThanOrEqual(250)
    const before = sink.units.length
    await sink.until(() => sink.units.length > before)
    expect(performance.now() - killedAt).toBeLessThan(3_000)
    expect(source.figures().pid).not.toBe(pid)
    expect(source.figures().restarts).toBe(1)
    expect(sink.restarts).toEqual([before])
    expect(transitions.map(({ state }) => state)).toEqual([
      'starting',
      'running',
      'waiting',
      'starting',
      'running',
    ])
  })

  test('whose ffmpeg hangs is restarted by the watchdog', async (context) => {
    const bench = all.forTest(context)
    const { source, sink, reached } = bench.runSource(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { limits: { noDataMs: 1_000 } },
    )
    await sink.until(() => sink.unitsOf('video').length > 10)
    const pid = source.figures().pid!
    process.kill(-pid, 'SIGSTOP')
    expect((await reached(({ state }) => state === 'waiting')).reason).toBe('no data for 1000 ms')
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    const before = sink.units.length
    await sink.until(() => sink.units.length > before)
  })

  test('leaves no process behind when it is stopped', async (context) => {
    const bench = all.forTest(context)
    const { source, sink, stop } = bench.runSource({ url: 'bars:?size=160x90&preset=ultrafast' })
    await sink.until(() => sink.unitsOf('audio').length > 5 && sink.unitsOf('video').length > 5)
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
    const { sink } = bench.runSource({ url })
    await sink.until(() => sink.unitsOf('video').length > 1)
    const start = performance.now()
    const before = sink.unitsOf('video').length
    await sink.until(() => sink.unitsOf('video').length >= before + 25)
    expect(performance.now() - start).toBeGreaterThan(700)
    expect(sink.formats.find(({ format }) => 'width' in format)?.format.codec).toBe(codec)
  })

  test('a standby source starts when it is told to', async (context) => {
    const bench = all.forTest(context)
    const { source, sink, transitions } = bench.runSource(
      { url: 'test:?size=160x90&preset=ultrafast' },
      { wanted: 'stop' },
    )
    expect([transitions.length, source.figures().pid]).toEqual([0, undefined])
    const asked = performance.now()
    source.start()
    await sink.until(() => sink.unitsOf('video').some(({ rap }) => rap === 'idr'))
    expect(performance.now() - asked).toBeLessThan(5_000)
  })
})

describe.concurrent('a network source', () => {
  test('HTTP: a transport stream, whose end is a failure', async (context) => {
    const bench = all.forTest(context)
    await copyFile(await encodeTsFile({ seconds: 2 }), join(bench.folder, 'live.ts'))
    const { port } = await serve(bench)
    const { sink, reached } = bench.runSource({ url: `http://127.0.0.1:${port}/live.ts` })
    expect(await reached(({ state }) => state === 'waiting')).toMatchObject({
      reason: 'the stream ended',
    })
    expect(sink.unitsOf('video').length).toBeGreaterThanOrEqual(49)
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
    const sink = new CollectingSink()
    sink.credit = 50
    const { source } = bench.runSource({ url: `http://127.0.0.1:${port}/film.mp4` }, { sink })
    await sink.until(() => sink.units.length >= 50)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(source.figures().bytes).toBeLessThan(1_500_000)
  })

  test('HTTP: what is not there is said', async (context) => {
    const bench = all.forTest(context)
    const { port } = await serve(bench)
    const { reached } = bench.runSource({ url: `http://127.0.0.1:${port}/gone.ts?token=hush` })
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
    const { sink } = bench.runSource({ url: `http://127.0.0.1:${port}/live.m3u8` })
    await sink.until(() => sink.unitsOf('video').length > 75)
    const video = sink.unitsOf('video')
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
    const { sink, transitions } = bench.runSource({ url: `http://127.0.0.1:${port}/film.m3u8` })
    await sink.until(() => sink.restarts.length >= 1)
    expect(
      sink.units.slice(0, sink.restarts[0]).filter(({ kind }) => kind === 'video'),
    ).toHaveLength(100)
    expect(transitions.map(({ state }) => state)).toEqual(['starting', 'running'])
  })

  test('RTMP listener: waits for its publisher, and for the next one', async (context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const { sink, reached } = bench.runSource(
      { url: `rtmp-listen://127.0.0.1:${port}/live/cam` },
      { limits: { noDataMs: 700 } },
    )
    await reached(({ state }) => state === 'starting')
    // Longer than the watchdog would wait: nobody has come yet, and that is no fault.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const first = live(bench, ['-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam`])
    await sink.until(() => sink.unitsOf('video').length > 10 && sink.unitsOf('audio').length > 10)
    await first.stop()
    await reached(({ state }) => state === 'waiting')
    const before = sink.units.length
    await reached(({ state }) => state === 'starting')
    const publish = async (): Promise<void> => {
      for (let n = 0; n < 20 && sink.units.length === before; n++) {
        const next = live(bench, ['-f', 'flv', `rtmp://127.0.0.1:${port}/live/cam`])
        await new Promise((resolve) => setTimeout(resolve, 1_500))
        if (sink.units.length === before) await next.stop()
      }
    }
    await publish()
    await sink.until(() => sink.units.length > before)
  })

  test.for(['caller', 'listener'] as const)('SRT %s', async (role, context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const peer = role === 'caller' ? 'listener' : 'caller'
    const url = (mode: string) => `srt://127.0.0.1:${port}?mode=${mode}&latency=50000`
    const { sink, source } = bench.runSource({ url: url(role) })
    const connect = async (): Promise<void> => {
      for (let n = 0; n < 10 && sink.units.length === 0; n++) {
        const other = live(bench, ['-f', 'mpegts', url(peer)])
        await Promise.race([
          sink.until(() => sink.units.length > 0),
          new Promise((resolve) => setTimeout(resolve, 4_000)),
        ])
        if (sink.units.length === 0) await other.stop()
      }
    }
    await connect()
    await sink.until(() => sink.unitsOf('video').length > 20)
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
    const open = () => all.runSource(spec)
    expect(open).toThrow(message)
    expect(open).toThrow(expect.objectContaining({ code }))
  })

  test('udp can be left to FFmpeg', async (context) => {
    const bench = all.forTest(context)
    const port = await freeTcpPort()
    const { sink, source } = bench.runSource({ url: `udp://127.0.0.1:${port}?reader=ffmpeg` })
    live(bench, ['-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`])
    await sink.until(() => sink.unitsOf('video').length > 10)
    expect(source.figures().pid).toBeGreaterThan(0)
  })
})

test('source times pass through FFmpeg as they are', async (context) => {
  const bench = all.forTest(context)
  const startPts = 123_456_789
  const path = await encodeTsFile({ seconds: 1, startPts })
  const { sink } = bench.runSource({ url: path, loop: false })
  await sink.until(() => sink.unitsOf('video').length === 25)
  expect(
    sink
      .unitsOf('video')
      .map(({ pts }) => pts)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: 25 }, (_, n) => startPts + n * ticksOfMs(40)))
})
